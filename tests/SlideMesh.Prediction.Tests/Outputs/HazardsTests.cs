using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;
using SlideMesh.Prediction.Outputs;

namespace SlideMesh.Prediction.Tests.Outputs;

public sealed class HazardsTests
{
    private static readonly TaskOutput Output = new() { Task = "survival", Tensor = "logits", Type = OutputType.Hazards, Labels = ["1", "2", "3", "4", "later"] };

    // torch: h = sigmoid(logits); S = cumprod(1 - h); risk = -S.sum(), in double.
    [Fact]
    public void Curve_and_risk_are_those_of_discrete_hazards()
    {
        TaskAnswer answer = Ensemble.Combine([Opinion("a", -2f, -1f, 0f, 1f)]);

        double[] survival = [0.8807970779778823, 0.6439142598879722, 0.3219571299439861, 0.08658760814733985];
        Assert.All(survival.Zip(answer.Survival), p => Assert.Equal(p.First, p.Second, 1e-12));
        Assert.Equal(-survival.Sum(), Assert.Single(answer.Quantities).Value, 1e-12);
        Assert.Equal("risk", answer.Quantities[0].Name);
        Assert.Equal(1, answer.Probabilities.Sum(), 1e-12);
        Assert.Equal(0.11920292202211755, answer.Probabilities[0], 1e-12);
        Assert.Equal("3", answer.Label);
    }

    [Fact]
    public void Models_average_their_curves()
    {
        TaskAnswer a = Ensemble.Combine([Opinion("a", -2f, -1f, 0f, 1f)]);
        TaskAnswer b = Ensemble.Combine([Opinion("b", 1f, 0f, -1f, -2f)]);
        TaskAnswer both = Ensemble.Combine([Opinion("a", -2f, -1f, 0f, 1f), Opinion("b", 1f, 0f, -1f, -2f)]);

        Assert.All(Enumerable.Range(0, 4), j => Assert.Equal((a.Survival[j] + b.Survival[j]) / 2, both.Survival[j], 1e-12));
    }

    [Fact]
    public void Extreme_logits_keep_every_number_finite()
    {
        double[] p = OutputReader.Probabilities(OutputType.Hazards, [-200f, 200f, -200f], 1);

        Assert.Equal([0, 1, 0, 0], p.Select(x => Math.Round(x, 12)));
    }

    [Fact]
    public void A_tensor_with_several_quantities_gives_each_its_name()
    {
        TaskOutput genes = new() { Task = "expression", Tensor = "x", Type = OutputType.Regression, Labels = ["CD3D", "CD8A"], Unit = "log10" };
        ModelOpinion opinion = OutputReader.Read("m", "expression", [genes], new Dictionary<string, Tensor> { ["x"] = new("x", [1.5f, 2.5f], [1, 2]) });

        Assert.Equal([("CD3D", 1.5), ("CD8A", 2.5)], Ensemble.Combine([opinion]).Quantities.Select(q => (q.Name, q.Value)));
    }

    private static ModelOpinion Opinion(string model, params float[] logits) =>
        OutputReader.Read(model, "survival", [Output], new Dictionary<string, Tensor> { ["logits"] = new("logits", logits, [1, logits.Length]) });
}
