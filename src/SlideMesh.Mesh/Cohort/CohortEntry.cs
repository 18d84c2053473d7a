using SlideMesh.Slides;

namespace SlideMesh.Mesh.Cohort;

/// <summary>One slide of a run, as the user gave it.</summary>
public sealed record CohortEntry
{
    public required SlideId Id { get; init; }

    /// <summary>
    /// What outputs show: relative to the manifest or to the working folder where the input was relative; else from the name of the folder
    /// that was given (<c>slides/a.svs</c> for <c>/data/x/slides</c>; for a file, of the folder that it lies in). Without <c>.</c>, doubled separators or
    /// control characters, so that no spelling of the input changes it. Two slides of a run never show the same: where they would, both
    /// show more of their folders.
    /// </summary>
    public required string Path { get; init; }

    /// <summary>Absolute path: what is opened. Never written to outputs.</summary>
    public required string FullPath { get; init; }

    /// <summary>Case that the slide belongs to; the slide's id when the manifest has none.</summary>
    public required string CaseId { get; init; }

    /// <summary>Row of the omics table; the case's id when the manifest has none.</summary>
    public required string OmicsId { get; init; }

    /// <summary>µm per level-0 pixel from the manifest, null when it has none.</summary>
    public double? MicronsPerPixel { get; init; }

    /// <summary>The manifest's other columns by lower-case name (sex, age, labels, …), empty cells left out.</summary>
    public IReadOnlyDictionary<string, string> Covariates { get; init; } = new SortedDictionary<string, string>(StringComparer.Ordinal);
}

/// <summary>Input that names no usable cohort: one line for the user.</summary>
public sealed class CohortException(string message) : Exception(PlainText.OneLine(message));
