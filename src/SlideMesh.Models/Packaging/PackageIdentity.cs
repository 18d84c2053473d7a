namespace SlideMesh.Models.Packaging;

/// <summary>A package's words: shown beside every result, never computed with.</summary>
public sealed record PackageIdentity
{
    /// <summary><c>[a-z0-9][a-z0-9._-]*</c>; null takes the output folder's name.</summary>
    public string? Name { get; init; }

    public string Version { get; init; } = "1.0.0";

    public string? Description { get; init; }

    public string TrainedOn { get; init; } = "not stated";

    public string IntendedUse { get; init; } = "Research use only.";

    public string Licence { get; init; } = "not stated";

    /// <summary>Trained on synthetic slides.</summary>
    public bool Synthetic { get; init; }
}
