using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;
using SlideMesh.Prediction.Outputs;
using SlideMesh.Prediction.Tests.Fakes;

namespace SlideMesh.Prediction.Tests.Outputs;

public sealed class OutputReaderTests
{
    [Theory]
    [InlineData(OutputType.Categorical)]
    [InlineData(OutputType.Ordinal)]
    public void Random_logits_become_probabilities_that_sum_to_one(OutputType type)
    {
        var random = new Random(11);
        for (int trial = 0; trial < 2000; trial++)
        {
            // Up to ±e^8, where naive exp overflows float and σ saturates.
            float[] logits = [.. Enumerable.Range(0, random.Next(1, 19)).Select(_ => (float)((random.NextDouble() - 0.5) * Math.Exp(random.Next(9))))];
            double[] p = OutputReader.Probabilities(type, logits, 0.1 + random.NextDouble());

            Assert.Equal(1, p.Sum(), 1e-12);
            Assert.All(p, x => Assert.InRange(x, 0, 1));
            Assert.Equal(type == OutputType.Ordinal ? logits.Length + 1 : logits.Length, p.Length);
            Assert.InRange(OutputReader.NormalisedEntropy(p), 0, 1);
        }
    }

    [Fact]
    public void Softmax_keeps_the_order_of_logits_and_ignores_a_shift()
    {
        var random = new Random(12);
        for (int trial = 0; trial < 500; trial++)
        {
            float[] logits = [.. Enumerable.Range(0, 6).Select(_ => random.Next(-40, 40) / 4f)];
            double[] p = OutputReader.Probabilities(OutputType.Categorical, logits, 1.7);
            double[] shifted = OutputReader.Probabilities(OutputType.Categorical, [.. logits.Select(l => l + 64)], 1.7);

            Near.Equal(p, shifted, 1e-12);
            for (int i = 1; i < logits.Length; i++)
            {
                Assert.Equal(logits[i].CompareTo(logits[i - 1]), p[i].CompareTo(p[i - 1]));
            }
        }
    }

    [Fact]
    public void Ordinal_probabilities_of_falling_logits_are_differences_of_sigmoids()
    {
        double[] p = OutputReader.Probabilities(OutputType.Ordinal, [2f, 0f, -2f], 2);

        double s = 1 / (1 + Math.Exp(-1));
        Near.Equal([1 - s, s - 0.5, 0.5 - (1 - s), 1 - s], p, 1e-12);
    }

    [Fact]
    public void Raising_every_cumulative_logit_never_lowers_the_expected_class()
    {
        var random = new Random(13);
        for (int trial = 0; trial < 500; trial++)
        {
            float[] logits = [.. Enumerable.Range(0, 5).Select(_ => (float)((random.NextDouble() * 10) - 5))];
            float[] raised = [.. logits.Select(l => l + 0.5f)];

            Assert.True(Expected(raised) >= Expected(logits) - 1e-12);
        }

        static double Expected(float[] logits) =>
            OutputReader.Probabilities(OutputType.Ordinal, logits, 1).Select((p, k) => k * p).Sum();
    }

    [Fact]
    public void Binary_logit_is_the_probability_of_the_second_label()
    {
        double[] p = OutputReader.Probabilities(OutputType.Binary, [-1.5f], 1.5);

        Near.Equal([1 / (1 + Math.Exp(-1)), 1 / (1 + Math.E)], p, 1e-12);
    }

    [Fact]
    public void Higher_temperature_raises_the_uncertainty()
    {
        float[] logits = [2, 0, -1];
        double[] entropies = [.. new[] { 0.5, 1, 2, 8 }.Select(t => OutputReader.NormalisedEntropy(OutputReader.Probabilities(OutputType.Categorical, logits, t)))];

        Assert.Equal(entropies.Order(), entropies);
    }

    [Fact]
    public void Normalised_entropy_is_zero_when_sure_and_one_when_even()
    {
        Assert.Equal(0, OutputReader.NormalisedEntropy([0, 1, 0]));
        Assert.Equal(1, OutputReader.NormalisedEntropy([0.25, 0.25, 0.25, 0.25]), 1e-12);
        Assert.Equal(0, OutputReader.NormalisedEntropy([1]));
    }

    [Fact]
    public void Most_probable_label_of_a_tie_is_the_first() => Assert.Equal(1, OutputReader.ArgMax([0.1, 0.4, 0.4, 0.1]));

    [Fact]
    public void Tensor_of_the_wrong_length_is_a_typed_failure()
    {
        var output = new TaskOutput { Task = "grade", Tensor = "logits", Type = OutputType.Ordinal, Labels = ["0", "1", "2"] };
        var tensors = new Dictionary<string, Tensor> { ["logits"] = new("logits", [1, 2, 3], [1, 3]) };

        PredictionException e = Assert.Throws<PredictionException>(() => OutputReader.Read("m", "grade", [output], tensors));

        Assert.Equal(PredictionFailureReason.PackageContract, e.Reason);
        Assert.StartsWith("m: task 'grade' wants 2 numbers in tensor 'logits', the graph gave 3", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Quantity_that_overflows_is_a_typed_failure()
    {
        var output = new TaskOutput { Task = "tmb", Tensor = "t", Type = OutputType.Regression, Quantity = "q", Transform = "pow10" };
        var tensors = new Dictionary<string, Tensor> { ["t"] = new("t", [400], [1, 1]) };

        Assert.Equal(
            PredictionFailureReason.NonFiniteOutput,
            Assert.Throws<PredictionException>(() => OutputReader.Read("m", "tmb", [output], tensors)).Reason);
    }
}
