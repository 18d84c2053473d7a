using SlideMesh.Inference.Packages;

namespace SlideMesh.Prediction.Outputs;

/// <summary>What one model says about one task, before models are averaged.</summary>
/// <param name="Type">Of the classification; regression when there is none.</param>
/// <param name="Weight">Of the classification in an ensemble.</param>
internal sealed record ModelOpinion(
    string Model, string Task, OutputType Type, IReadOnlyList<string> Labels, IReadOnlyList<double> Probabilities,
    double Weight, IReadOnlyList<RawQuantity> Quantities);

/// <param name="Raw">As the graph gave it, before <paramref name="Transform"/>.</param>
internal sealed record RawQuantity(string Name, string Unit, string Transform, double Raw, double Weight)
{
    public const string PowerOfTen = "pow10";

    public const string NoTransform = "none";

    public double Value => Transform == PowerOfTen ? Math.Pow(10, Raw) : Raw;
}
