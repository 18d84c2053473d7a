using SlideMesh.Tissue.Quality;

namespace SlideMesh.Reporting.Json;

/// <summary><c>qc.json</c>: quality findings on the slide and on its tiles, with the thresholds that they were judged by.</summary>
public sealed record QualityDocument
{
    /// <summary>Always <c>slidemesh-qc/1</c>.</summary>
    public string Format { get; init; } = "slidemesh-qc/1";

    public required string SoftwareVersion { get; init; }

    public required string SlideId { get; init; }

    public required double TissueMm2 { get; init; }

    public required int TissuePieces { get; init; }

    public required SlideQuality Slide { get; init; }

    public IReadOnlyList<StreamSummary> Streams { get; init; } = [];
}
