using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Encoders;

/// <summary>A batch norm's four vectors: y = (x − Mean) / √(Variance + Epsilon) · Weight + Bias for each channel.</summary>
internal sealed record BatchNorm(Weight Weight, Weight Bias, Weight Mean, Weight Variance, float Epsilon)
{
    public static BatchNorm Take(StateDict w, string key, long channels, float epsilon) => new(
        w.Take($"{key}.weight", channels), w.Take($"{key}.bias", channels), w.Take($"{key}.running_mean", channels), w.Take($"{key}.running_var", channels), epsilon);

    /// <summary>
    /// The convolution that gives norm(convolution(x)): its kernel times Weight / √(Variance + Epsilon) for each output channel, and one
    /// bias. Computed in double, so the only rounding is that of the folded numbers.
    /// </summary>
    /// <param name="kernel">[C, …].</param>
    public (Weight Kernel, Weight Bias) FoldInto(Weight kernel, Weight? bias)
    {
        int channels = (int)kernel.Shape[0];
        int row = (int)(kernel.Count / channels);
        Weight folded = kernel.Map(kernel.Shape, values =>
        {
            double[] factors = Factors();
            for (int c = 0; c < channels; c++)
            {
                foreach (ref float value in values.AsSpan(c * row, row))
                {
                    value = (float)(value * factors[c]);
                }
            }

            return values;
        });
        Weight shift = Graphs.Weight.Of($"{kernel.Name[..^"weight".Length]}folded_bias", [channels], () =>
        {
            double[] factors = Factors();
            float[] mean = Mean.Load();
            float[] before = bias?.Load() ?? new float[channels];
            return [.. Bias.Load().Select((b, c) => (float)(b + ((before[c] - (double)mean[c]) * factors[c])))];
        });
        return (folded, shift);
    }

    private double[] Factors()
    {
        float[] variance = Variance.Load();
        return [.. Weight.Load().Select((weight, c) => weight / Math.Sqrt((double)variance[c] + Epsilon))];
    }
}
