using SlideMesh.Inference.Packages;

namespace SlideMesh.Models.Packaging;

/// <summary>The encoder whose features a head takes: its package, or what is known of it.</summary>
/// <param name="Name">Name of the encoder's package.</param>
/// <param name="Sha256">SHA-256 of its tile graph; null accepts any of that name.</param>
/// <param name="Dimension">Width of its features; null when only the name is known.</param>
/// <param name="Tile">The tile it looks at; null when only the name is known.</param>
public sealed record EncoderChoice(string Name, string? Sha256, int? Dimension, TileView? Tile)
{
    public static EncoderChoice Of(ModelPackage encoder)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        return encoder.Kind == ModelKind.Encoder
            ? new EncoderChoice(encoder.Name, encoder.GraphSha256(GraphRole.Tile), (int)encoder.Manifest.Graphs[GraphRole.Tile].Outputs[0].Shape[1], encoder.Manifest.Tile)
            : throw new ModelPackageException(encoder.Folder, $"package '{encoder.Name}' is no encoder; --encoder takes the package whose features the head was trained on.");
    }
}
