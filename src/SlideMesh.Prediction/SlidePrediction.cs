using System.Text.Json.Serialization;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Prediction;

/// <summary>Everything that the heads say about one slide. Deterministic: same features, same covariates, same bits.</summary>
public sealed record SlidePrediction(
    IReadOnlyList<TaskPrediction> Tasks, IReadOnlyList<TileMap> Maps, OmicsUse Omics)
{
    /// <summary>
    /// What a reader must know to judge the answers, one line each: a model left out because the slide has no tile for it, a
    /// covariate that a model does not understand. Empty on a usual slide.
    /// </summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Every tile classifier's probabilities, in package order.</summary>
    public IReadOnlyList<TileScores> TileScores { get; init; } = [];
}

/// <summary>Probabilities of one tile classifier, [N, C] row-major, along the rows of <paramref name="Stream"/>'s features.</summary>
public sealed record TileScores(string Model, string Stream, IReadOnlyList<string> Labels, float[] Values);

/// <summary>One task's answer, with the answer without omics beside it when omics were used.</summary>
/// <param name="Task"><c>grade</c>, <c>tmb</c>, <c>origin</c>, …</param>
/// <param name="Final">
/// The answer: fused when the case has omics and a fusion head speaks on this task, slide-only otherwise. A part of the answer that
/// no fusion head speaks about (the classes, or a quantity) is the slide's own in either case.
/// </param>
/// <param name="SlideOnly">The ensemble of the heads that saw the slide alone; null when only a fusion head answers.</param>
/// <param name="IsFused">Whether <paramref name="Final"/> used omics.</param>
/// <param name="Members">Each model's own answer, in package order.</param>
public sealed record TaskPrediction(
    string Task, TaskAnswer Final, TaskAnswer? SlideOnly, bool IsFused, IReadOnlyList<MemberAnswer> Members);

public sealed record MemberAnswer(string Model, TaskAnswer Answer);

/// <summary>Probabilities over labels and, where a model gives it, a quantity (e.g. mutations/Mb).</summary>
public sealed record TaskAnswer
{
    public required OutputType Type { get; init; }

    public IReadOnlyList<string> Labels { get; init; } = [];

    /// <summary>Sums to 1, as long as <see cref="Labels"/>.</summary>
    public IReadOnlyList<double> Probabilities { get; init; } = [];

    /// <summary>Most probable label (ties: the first); null for a pure regression.</summary>
    public string? Label { get; init; }

    /// <summary>Ordinal: Σ k·p_k over class indices.</summary>
    public double? Expected { get; init; }

    /// <summary>Entropy of the probabilities divided by ln K: 0 sure, 1 no idea.</summary>
    public double? Uncertainty { get; init; }

    /// <summary>
    /// Hazards: probability to be free of the event after each interval, one less than <see cref="Labels"/>; empty for other types. Its
    /// negative sum is the quantity <c>risk</c>: higher is worse.
    /// </summary>
    public IReadOnlyList<double> Survival { get; init; } = [];

    /// <summary>Regression outputs of the same task: name → value and unit.</summary>
    public IReadOnlyList<QuantityAnswer> Quantities { get; init; } = [];
}

public sealed record QuantityAnswer(string Name, double Value, string Unit);

/// <summary>A number per tile, for heatmaps and top tiles. <see cref="Values"/> follow the rows of <see cref="Stream"/>'s features.</summary>
/// <param name="Name">File name stem, e.g. <c>origin</c>, <c>grade</c>, <c>grade-attention</c>.</param>
/// <param name="Quantity"><c>attention</c> (raw score, before softmax), <c>probability</c> or <c>expected-class</c>.</param>
/// <param name="Model">Packages, joined by <c>+</c> where a map merges several.</param>
/// <param name="Minimum">Natural range of the quantity; null for attention (drawn by percentile).</param>
public sealed record TileMap(
    string Name, string Task, string Model, string Stream, string Quantity, float[] Values, double? Minimum, double? Maximum)
{
    /// <summary>Expected class: what the whole numbers of the scale stand for, from 0. Empty for other quantities.</summary>
    public IReadOnlyList<string> ClassLabels { get; init; } = [];
}

[JsonConverter(typeof(KebabCaseEnumConverter<OmicsStatus>))]
public enum OmicsStatus
{
    /// <summary>Fused.</summary>
    Used,

    /// <summary>No omics table was given.</summary>
    NotGiven,

    /// <summary>The table has no row for this case.</summary>
    CaseMissing,

    /// <summary>The row could not be used; <see cref="OmicsUse.Detail"/> says why.</summary>
    Invalid,

    /// <summary>Omics were given, but no fusion head is loaded.</summary>
    NoFusionModel,
}

/// <param name="FeaturesFound">How many of the model's omics features the row has.</param>
public sealed record OmicsUse(OmicsStatus Status, string? CaseId, int FeaturesFound, int FeaturesWanted, string? Detail);
