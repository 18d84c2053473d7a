using System.Runtime.InteropServices;
using System.Text;
using SlideMesh.Models.Checkpoints;

namespace SlideMesh.Models.Tests.Encoders;

/// <summary>Weights by the formulas of tests/reference/encoders/formulas.py, computed where they are read.</summary>
internal static class FormulaWeights
{
    public static CheckpointTensor Tensor(string key, long[] shape, double gain)
    {
        bool integers = key.EndsWith("num_batches_tracked", StringComparison.Ordinal) || key.EndsWith("relative_position_index", StringComparison.Ordinal);
        long count = shape.Aggregate(1L, (product, extent) => product * extent);
        return integers
            ? new CheckpointTensor(key, TensorElementType.Int64, shape, new Zeros(count * sizeof(long)))
            : new CheckpointTensor(key, TensorElementType.Float32, shape, new Source(key, shape, count, gain));
    }

    /// <summary>u(key, 0), u(key, 1), … of the formulas, in [−1, 1).</summary>
    public static double[] Units(string key, long count)
    {
        float[] values = new float[count];
        new Source(key, [count], count, 1, (0, 1)).Read(0, MemoryMarshal.AsBytes(values.AsSpan()));
        return [.. values.Select(v => (double)v)];
    }

    private sealed class Zeros(long length) : IByteSource
    {
        public long Length => length;

        public void Read(long offset, Span<byte> destination) => destination.Clear();
    }

    private sealed class Source : IByteSource
    {
        private readonly ulong _seed;
        private readonly double _offset;
        private readonly double _factor;

        public Source(string key, long[] shape, long count, double gain, (double Offset, double Factor)? rule = null)
        {
            Length = count * sizeof(float);
            _seed = Encoding.UTF8.GetBytes(key).Aggregate(0xCBF29CE484222325UL, (hash, b) => unchecked((hash ^ b) * 0x100000001B3UL));
            (_offset, _factor) = rule ?? Rule(key, shape, count, gain);
        }

        public long Length { get; }

        public void Read(long offset, Span<byte> destination)
        {
            Span<float> values = MemoryMarshal.Cast<byte, float>(destination);
            ulong state = unchecked(_seed + (((ulong)offset / sizeof(float)) * 0x9E3779B97F4A7C15UL));
            for (int i = 0; i < values.Length; i++)
            {
                unchecked
                {
                    state += 0x9E3779B97F4A7C15UL;
                    ulong z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9UL;
                    z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
                    z ^= z >> 31;
                    double unit = ((z >> 40) / 8388608.0) - 1;
                    values[i] = (float)(_offset + (_factor * unit));
                }
            }
        }

        private static (double Offset, double Factor) Rule(string key, long[] shape, long count, double gain)
        {
            bool vector = shape.Length == 1;
            bool Ends(params string[] ends) => ends.Any(end => key.EndsWith(end, StringComparison.Ordinal));
            return 0 switch
            {
                _ when Ends("running_var") => (1, 0.5),
                _ when Ends("running_mean") => (0, 0.1),
                _ when Ends("layer_scale", "lambda1", "gamma_1", "gamma_2") || (vector && Ends("gamma")) => (0.3, 0.2),
                _ when vector && Ends("weight") => (1, 0.5),
                _ when vector => (0, 0.1),
                _ when Ends("_embed", "_embeddings", "pos_embedding", "_token", "_tokens", "_table") => (0, Math.Min(gain, 1) / 2),
                _ => (0, gain * Math.Sqrt(3.0 / (count / Math.Max(shape[0], 1)))),
            };
        }
    }
}
