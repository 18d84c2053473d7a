using SlideMesh.Inference.Packages;

namespace SlideMesh.Inference.Batching;

/// <summary>What a batcher must know of a graph that takes pixels.</summary>
/// <param name="Model">Package name, for metrics and messages.</param>
/// <param name="Input">Input tensor [N, 3, SizePx, SizePx].</param>
/// <param name="Output">Output tensor [N, Dimension].</param>
public sealed record TileGraph(string Model, string Input, string Output, int SizePx, int Dimension, Normalisation Normalisation)
{
    /// <summary>Floats in one tile.</summary>
    public int InputLength => checked(3 * SizePx * SizePx);

    /// <summary>Pixels stay bytes in a batch, for a session that takes them so (<see cref="Engines.ITileSession"/>); else they are float32.</summary>
    public bool TakesBytes { get; init; }

    /// <summary>Bytes that one tile takes in a batch: its pixels and its row of results.</summary>
    public long BytesPerTile => ((TakesBytes ? sizeof(byte) : sizeof(float)) * (long)InputLength) + (sizeof(float) * (long)Dimension);

    /// <param name="producer">Encoder or pixel tile classifier.</param>
    public static TileGraph Of(ModelPackage producer, FeatureStream stream)
    {
        ArgumentNullException.ThrowIfNull(producer);
        ArgumentNullException.ThrowIfNull(stream);
        GraphSpec tile = producer.Manifest.Graphs[GraphRole.Tile];
        string output = producer.Manifest.TileOutput?.Tensor ?? tile.Outputs[0].Name;
        return new TileGraph(producer.Name, tile.Inputs[0].Name, output, stream.View.SizePx, stream.Dimension, producer.Manifest.Normalisation!);
    }
}
