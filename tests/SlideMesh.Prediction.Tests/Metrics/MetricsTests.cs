using System.Text.Json;
using SlideMesh.Prediction.Metrics;
using SlideMesh.Prediction.Tests.Fakes;

namespace SlideMesh.Prediction.Tests.Metrics;

/// <summary>Against Reference/metrics_reference.py, which writes every metric out by its definition.</summary>
public sealed class MetricsTests
{
    private static readonly JsonElement Reference = RepositoryFiles.OwnReference("metrics_reference.json");
    private static readonly int[] Truth = [.. Reference.GetProperty("truth").Numbers().Select(t => (int)t)];
    private static readonly double[][] Probabilities = [.. Reference.GetProperty("probabilities").EnumerateArray().Select(p => p.Numbers())];
    private static readonly int[] Predicted = [.. Probabilities.Select(p => Array.IndexOf(p, p.Max()))];
    private static readonly bool[] IsLast = [.. Truth.Select(t => t == 3)];
    private static readonly double[] LastScores = [.. Probabilities.Select(p => p[3])];

    [Fact]
    public void Kappa_equals_the_reference() =>
        Assert.Equal(Expected("kappa"), Agreement.QuadraticWeightedKappa(Truth, Predicted, 4), 1e-12);

    [Fact]
    public void Kappa_is_one_when_equal_and_minus_one_when_opposite()
    {
        Assert.Equal(1, Agreement.QuadraticWeightedKappa([0, 1, 2], [0, 1, 2], 3));
        Assert.Equal(-1, Agreement.QuadraticWeightedKappa([0, 2], [2, 0], 3), 1e-12);
        Assert.Equal(1, Agreement.QuadraticWeightedKappa([1, 1], [1, 1], 3));
    }

    [Fact]
    public void Accuracies_equal_the_reference()
    {
        Assert.Equal(Expected("accuracy"), Agreement.Accuracy(Truth, Predicted), 1e-12);
        Assert.Equal(Expected("accuracy"), Agreement.TopKAccuracy(Truth, Probabilities, 1), 1e-12);
        Assert.Equal(Expected("top2"), Agreement.TopKAccuracy(Truth, Probabilities, 2), 1e-12);
        Assert.Equal(1, Agreement.TopKAccuracy(Truth, Probabilities, 4));
    }

    [Fact]
    public void Areas_equal_the_reference()
    {
        Assert.Equal(Expected("aurocLast"), Discrimination.Auroc(IsLast, LastScores), 1e-12);
        Assert.Equal(Expected("macroAuroc"), Discrimination.MacroAuroc(Truth, Probabilities), 1e-12);
        Assert.Equal(Expected("averagePrecisionLast"), Discrimination.AveragePrecision(IsLast, LastScores), 1e-12);
    }

    [Fact]
    public void Area_of_one_kind_of_case_is_not_a_number()
    {
        Assert.Equal(double.NaN, Discrimination.Auroc([true, true], [0.1, 0.2]));
        Assert.Equal(double.NaN, Discrimination.AveragePrecision([false, false], [0.1, 0.2]));
        Assert.Equal(0.5, Discrimination.Auroc([true, false], [0.3, 0.3]));
    }

    [Fact]
    public void Calibration_equals_the_reference()
    {
        Assert.Equal(Expected("brier"), Calibration.Brier(Truth, Probabilities), 1e-12);
        Assert.Equal(Expected("ece15"), Calibration.ExpectedCalibrationError(Truth, Probabilities), 1e-12);
        Assert.Equal(Expected("ece7"), Calibration.ExpectedCalibrationError(Truth, Probabilities, 7), 1e-12);
    }

    [Fact]
    public void Bootstrap_interval_equals_the_reference_and_depends_on_the_seed_only()
    {
        double[] expected = Reference.GetProperty("bootstrapAurocLast").Numbers();
        int[] strata = [.. IsLast.Select(t => t ? 1 : 0)];

        ConfidenceInterval interval = StratifiedBootstrap.Interval(strata, Auroc, draws: 200, seed: 7);

        Near.Equal([Expected("aurocLast"), .. expected], new[] { interval.Value, interval.Low, interval.High }, 1e-9);
        Assert.NotEqual(interval, StratifiedBootstrap.Interval(strata, Auroc, draws: 200, seed: 8));

        static double Auroc(int[] cases) =>
            Discrimination.Auroc([.. cases.Select(i => IsLast[i])], [.. cases.Select(i => LastScores[i])]);
    }

    private static double Expected(string name) => Reference.GetProperty(name).GetDouble();
}
