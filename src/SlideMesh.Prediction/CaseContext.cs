using SlideMesh.Prediction.Omics;

namespace SlideMesh.Prediction;

/// <summary>What is known of the case a slide belongs to.</summary>
/// <param name="CaseId">Null when the cohort manifest names none.</param>
/// <param name="Covariates">Manifest columns as text, e.g. sex → F.</param>
/// <param name="Omics">The case's row, or why there is none.</param>
public sealed record CaseContext(string? CaseId, IReadOnlyDictionary<string, string> Covariates, CaseOmics Omics)
{
    /// <summary>A slide of which nothing else is known.</summary>
    public static CaseContext Unknown { get; } = new(null, new Dictionary<string, string>(), CaseOmics.NotGiven);
}
