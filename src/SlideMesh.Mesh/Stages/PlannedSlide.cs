using SlideMesh.Inference.Packages;
using SlideMesh.Tiling;

namespace SlideMesh.Mesh.Stages;

/// <summary>A slide ready for its shards: the plan on disk and in memory, and the keys of what follows.</summary>
/// <param name="FeatureKeys">Stream id → key of its features stage, for every stream.</param>
/// <param name="ResultKey">Key of the result stage.</param>
public sealed record PlannedSlide(
    PlanDocument Document, IReadOnlyDictionary<string, TilePlan> Plans, IReadOnlyDictionary<string, string> FeatureKeys, string ResultKey)
{
    public TilePlan Plan(FeatureStream stream) => Plans[stream.Id];
}
