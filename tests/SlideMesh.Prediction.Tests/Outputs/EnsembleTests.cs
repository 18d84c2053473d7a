using SlideMesh.Inference.Packages;
using SlideMesh.Prediction.Outputs;
using SlideMesh.Prediction.Tests.Fakes;

namespace SlideMesh.Prediction.Tests.Outputs;

public sealed class EnsembleTests
{
    private static readonly string[] TmbLabels = ["TMB-low", "TMB-high"];

    [Fact]
    public void Three_magnifications_average_probabilities_and_take_the_geometric_mean_of_mutations()
    {
        ModelOpinion[] members = [Tmb("5x", 0.9, 0), Tmb("10x", 0.6, 1), Tmb("20x", 0.3, 2)];

        TaskAnswer answer = Ensemble.Combine(members);

        Near.Equal([0.4, 0.6], answer.Probabilities, 1e-12);
        Assert.Equal("TMB-high", answer.Label);
        Assert.Equal(OutputType.Binary, answer.Type);
        Assert.Null(answer.Expected);
        QuantityAnswer quantity = Assert.Single(answer.Quantities);
        Assert.Equal(10, quantity.Value, 1e-9);
        Assert.Equal("mutations/Mb", quantity.Unit);
    }

    [Fact]
    public void Weights_count_relative_to_their_sum()
    {
        TaskAnswer answer = Ensemble.Combine([Tmb("a", 0.9, 0, weight: 6), Tmb("b", 0.1, 3, weight: 2)]);

        Assert.Equal(0.7, answer.Probabilities[1], 1e-12);
        Assert.Equal(Math.Pow(10, 0.75), answer.Quantities[0].Value, 1e-9);
    }

    [Fact]
    public void Single_member_is_left_as_it_is()
    {
        ModelOpinion member = Tmb("a", 0.1 + 0.2, 0.3, weight: 0.7);

        TaskAnswer answer = Ensemble.Combine([member]);

        Assert.Equal(member.Probabilities, answer.Probabilities);
        Assert.Equal(Math.Pow(10, 0.3), answer.Quantities[0].Value);
    }

    [Fact]
    public void Ordinal_answer_has_an_expected_class()
    {
        TaskAnswer answer = Ensemble.Combine([new ModelOpinion("m", "grade", OutputType.Ordinal, ["0", "1", "2"], [0.2, 0.3, 0.5], 1, [])]);

        Assert.Equal(1.3, answer.Expected!.Value, 1e-12);
        Assert.Equal("2", answer.Label);
    }

    [Fact]
    public void Quantity_without_transform_is_the_arithmetic_mean()
    {
        ModelOpinion[] members =
        [
            .. new[] { 1.0, 4.0 }.Select(v => new ModelOpinion("m", "age", OutputType.Regression, [], [], 1, [new RawQuantity("age", "years", "none", v, 1)])),
        ];

        TaskAnswer answer = Ensemble.Combine(members);

        Assert.Equal(2.5, answer.Quantities[0].Value);
        Assert.Null(answer.Label);
        Assert.Equal(OutputType.Regression, answer.Type);
    }

    [Fact]
    public void Differing_labels_are_refused_with_both_models_named()
    {
        PredictionException e = Assert.Throws<PredictionException>(() => Ensemble.Check(
        [
            ("a", [Output("origin", ["Lung", "Breast"])]),
            ("b", [Output("origin", ["Breast", "Lung"])]),
        ]));

        Assert.Equal(PredictionFailureReason.IncompatibleModels, e.Reason);
        Assert.Equal("Models 'a' and 'b' both answer task 'origin' but differ in labels: Lung, Breast against Breast, Lung; leave one of them out.", e.Message);
    }

    [Fact]
    public void Differing_units_of_a_quantity_are_refused()
    {
        TaskOutput perMb = new() { Task = "tmb", Tensor = "t", Type = OutputType.Regression, Quantity = "mutations", Unit = "1/Mb" };

        Assert.Throws<PredictionException>(() => Ensemble.Check([("a", [perMb]), ("b", [perMb with { Unit = "1/exome" }])]));
        Assert.Throws<PredictionException>(() => Ensemble.Check([("a", [perMb]), ("b", [perMb with { Transform = "pow10" }])]));
        Ensemble.Check([("a", [perMb]), ("b", [perMb with { Quantity = "other", Unit = "1/exome" }])]);
    }

    [Fact]
    public void Model_that_contradicts_itself_is_refused()
    {
        TaskOutput output = Output("grade", ["0", "1"]);

        Assert.All(
            new TaskOutput[][] { [output with { Weight = 0 }], [output with { Temperature = double.NaN }], [output, output with { Tensor = "u" }], [output with { Labels = ["0"] }] },
            outputs => Assert.Equal(
                PredictionFailureReason.PackageContract, Assert.Throws<PredictionException>(() => Ensemble.Check([("a", outputs)])).Reason));
    }

    private static TaskOutput Output(string task, string[] labels) =>
        new() { Task = task, Tensor = "t", Type = OutputType.Categorical, Labels = labels };

    private static ModelOpinion Tmb(string model, double high, double log10, double weight = 1) => new(
        model, "tmb", OutputType.Binary, TmbLabels, [1 - high, high], weight,
        [new RawQuantity("mutations_per_mb", "mutations/Mb", "pow10", log10, weight)]);
}
