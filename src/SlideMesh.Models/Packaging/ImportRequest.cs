using SlideMesh.Models.Architectures;

namespace SlideMesh.Models.Packaging;

/// <summary>What is imported, as what, and where to.</summary>
public sealed record ImportRequest
{
    /// <summary>A checkpoint, an ONNX file, or a WSInfer model folder.</summary>
    public required string Source { get; init; }

    /// <summary>Folder of the package; must not exist or be empty.</summary>
    public required string Target { get; init; }

    /// <summary>Name of the architecture; null: recognised from the keys.</summary>
    public string? Architecture { get; init; }

    /// <summary>A second checkpoint whose keys belong to the same model.</summary>
    public string? Also { get; init; }

    /// <summary>Where the state dict lies in the checkpoint, when not at a usual place.</summary>
    public string? Key { get; init; }

    public ImportOptions Options { get; init; } = new();

    /// <summary>For heads: the encoder whose features they take.</summary>
    public EncoderChoice? Encoder { get; init; }

    /// <summary>For heads with omics: CSV <c>name,mean,std</c>, a row for each column in order.</summary>
    public string? OmicsFeatures { get; init; }

    /// <summary>Normalisation in place of the architecture's: mean and standard deviation of R, G, B.</summary>
    public IReadOnlyList<float> Mean { get; init; } = [];

    public IReadOnlyList<float> Std { get; init; } = [];

    public PackageIdentity Identity { get; init; } = new();
}
