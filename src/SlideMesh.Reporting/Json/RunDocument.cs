namespace SlideMesh.Reporting.Json;

/// <summary><c>run.json</c>: the specification as resolved.</summary>
public sealed record RunDocument
{
    /// <summary>Always <c>slidemesh-run/1</c>.</summary>
    public string Format { get; init; } = "slidemesh-run/1";

    /// <summary><c>run</c>, <c>embed</c> or <c>predict</c>.</summary>
    public string Command { get; init; } = "run";

    public required string SoftwareVersion { get; init; }

    /// <summary>Every parameter that changes a result, by its name on the command line; written in ordinal order of names.</summary>
    public required IReadOnlyDictionary<string, string> Parameters { get; init; }

    public required IReadOnlyList<ModelCard> Models { get; init; }

    public required IReadOnlyList<RunSlide> Slides { get; init; }
}

/// <param name="Path">As given.</param>
/// <param name="MicronsPerPixel">From the manifest, null when the slide's own is used.</param>
public sealed record RunSlide(string SlideId, string? CaseId, string Path, double? MicronsPerPixel);
