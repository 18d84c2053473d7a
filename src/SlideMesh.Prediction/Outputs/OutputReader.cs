using System.Globalization;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Prediction.Outputs;

/// <summary>Turns the raw numbers of a model's last graph into probabilities and quantities.</summary>
internal static class OutputReader
{
    /// <summary>What one model says about one task: its classification, if any, and its regressions.</summary>
    public static ModelOpinion Read(string model, string task, IReadOnlyList<TaskOutput> outputs, IReadOnlyDictionary<string, Tensor> tensors)
    {
        TaskOutput? classifies = outputs.FirstOrDefault(o => o.Type != OutputType.Regression);
        double[] probabilities = classifies is null
            ? []
            : Probabilities(classifies.Type, Raw(model, classifies, tensors), classifies.Temperature);
        RawQuantity[] quantities =
        [
            .. outputs.Where(o => o.Type == OutputType.Regression).SelectMany(o => Raw(model, o, tensors).Zip(
                o.QuantityNames(), (raw, name) => new RawQuantity(name, o.Unit ?? "", o.Transform, raw, o.Weight))),
        ];
        if (quantities.FirstOrDefault(q => !double.IsFinite(q.Value)) is { } overflow)
        {
            throw new PredictionException(
                PredictionFailureReason.NonFiniteOutput, model,
                string.Create(CultureInfo.InvariantCulture, $"{model}: quantity '{overflow.Name}' overflows (10^{overflow.Raw}); the model is damaged."));
        }

        return new ModelOpinion(
            model, task, classifies?.Type ?? OutputType.Regression, classifies?.Labels ?? [], probabilities,
            classifies?.Weight ?? 1, quantities);
    }

    /// <param name="raw">Logits: K categorical, K − 1 ordinal (cumulative), 1 binary, K − 1 hazards.</param>
    /// <param name="temperature">Divides the logits.</param>
    /// <returns>Probabilities that sum to 1 within 1e-12.</returns>
    public static double[] Probabilities(OutputType type, ReadOnlySpan<float> raw, double temperature)
    {
        switch (type)
        {
            case OutputType.Categorical:
                return Softmax(raw, temperature);
            case OutputType.Ordinal:
                return OrdinalProbabilities(raw, temperature);
            case OutputType.Hazards:
                return HazardProbabilities(raw);
            case OutputType.Binary:
                double positive = Sigmoid(raw[0] / temperature);
                return [1 - positive, positive];
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, "A regression has no probabilities.");
        }
    }

    /// <summary>Entropy divided by ln K, 0 to 1; 0 for a single class.</summary>
    public static double NormalisedEntropy(IReadOnlyList<double> probabilities)
    {
        if (probabilities.Count < 2)
        {
            return 0;
        }

        double entropy = 0;
        foreach (double p in probabilities)
        {
            entropy -= p > 0 ? p * Math.Log(p) : 0;
        }

        return Math.Clamp(entropy / Math.Log(probabilities.Count), 0, 1);
    }

    /// <summary>Index of the largest value, the first of equals.</summary>
    public static int ArgMax(IReadOnlyList<double> values)
    {
        int best = 0;
        for (int i = 1; i < values.Count; i++)
        {
            best = values[i] > values[best] ? i : best;
        }

        return best;
    }

    private static double[] Softmax(ReadOnlySpan<float> logits, double temperature)
    {
        double[] p = new double[logits.Length];
        double largest = double.NegativeInfinity;
        foreach (float logit in logits)
        {
            largest = Math.Max(largest, logit / temperature);
        }

        double sum = 0;
        for (int i = 0; i < p.Length; i++)
        {
            p[i] = Math.Exp((logits[i] / temperature) - largest);
            sum += p[i];
        }

        for (int i = 0; i < p.Length; i++)
        {
            p[i] /= sum;
        }

        return p;
    }

    // P(y > k) may not grow with k. A running minimum keeps the first thresholds as the model gave them; a graph whose thresholds
    // share one slope (CORAL) never needs it.
    private static double[] OrdinalProbabilities(ReadOnlySpan<float> logits, double temperature)
    {
        double[] p = new double[logits.Length + 1];
        double above = 1;
        for (int k = 0; k < logits.Length; k++)
        {
            double next = Math.Min(above, Sigmoid(logits[k] / temperature));
            p[k] = above - next;
            above = next;
        }

        p[^1] = above;
        return p;
    }

    // Π (1 − h_i) of the intervals before, times h_j: discrete-time survival, as in Zadeh and Schmid 2020.
    private static double[] HazardProbabilities(ReadOnlySpan<float> logits)
    {
        double[] p = new double[logits.Length + 1];
        double free = 1;
        for (int j = 0; j < logits.Length; j++)
        {
            p[j] = free * Sigmoid(logits[j]);
            free *= Sigmoid(-(double)logits[j]);
        }

        p[^1] = free;
        return p;
    }

    private static double Sigmoid(double x) => x >= 0 ? 1 / (1 + Math.Exp(-x)) : Math.Exp(x) / (1 + Math.Exp(x));

    private static float[] Raw(string model, TaskOutput output, IReadOnlyDictionary<string, Tensor> tensors)
    {
        int wanted = output.Type switch
        {
            OutputType.Categorical => output.Labels.Count,
            OutputType.Ordinal or OutputType.Hazards => output.Labels.Count - 1,
            OutputType.Regression => output.QuantityNames().Count,
            _ => 1,
        };
        if (!tensors.TryGetValue(output.Tensor, out Tensor? tensor) || tensor.Data.Length != wanted)
        {
            throw new PredictionException(
                PredictionFailureReason.PackageContract, model,
                $"{model}: task '{output.Task}' wants {wanted} numbers in tensor '{output.Tensor}', the graph gave {tensor?.Data.Length ?? 0}; the package does not match its model.json.");
        }

        return tensor.Data;
    }
}
