using SlideMesh.Tiling;

namespace SlideMesh.Reporting.Json;

/// <summary><c>plan.json</c>: the tiles of one slide, per feature stream, in plan order.</summary>
public sealed record PlanDocument
{
    /// <summary>Always <c>slidemesh-plan/1</c>.</summary>
    public string Format { get; init; } = "slidemesh-plan/1";

    public required string SoftwareVersion { get; init; }

    public required string SlideId { get; init; }

    public required string Fingerprint { get; init; }

    public required IReadOnlyList<StreamPlan> Streams { get; init; }
}

/// <param name="Stream">Id of the feature stream.</param>
public sealed record StreamPlan(string Stream, TilePlan Plan);
