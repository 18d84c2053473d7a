using System.Buffers;
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using SlideMesh.Prediction.Bags;

namespace SlideMesh.Prediction.Heads;

/// <summary>
/// Sum or mean of hidden rows: each <see cref="ChunkRows"/> rows are summed, four at a time, and these sums added in their order, all in double,
/// so no finite input overflows and the sum of a column is finite exactly when all of its values are. Bound by memory: a bag is read once.
/// </summary>
/// <param name="hidden">Width H of a row.</param>
/// <param name="mean">Divide by the rows.</param>
/// <param name="threads">
/// Each sums chunks of its own, so their number does not change a bit. Columns of their own instead, parts of rows, were read at a half to two thirds of that speed.
/// </param>
internal sealed class SumPool(int hidden, bool mean, int threads = 1) : ITilePool
{
    /// <summary>A part of a reader's block, so that threads share that too.</summary>
    private const int ChunkRows = BagReader.BlockRows / 4;

    /// <summary>Chunks whose sums are kept at a time: 1 MiB of them at a width of 1,024.</summary>
    private const int LargestWave = 128;

    /// <summary>Below this many numbers a second thread costs more than it gives: 2 MiB are summed in 0.2 ms.</summary>
    private const int LeastToShare = 1 << 19;

    private readonly double[] _sums = new double[hidden];
    private long _rows;

    /// <summary>All that was added is.</summary>
    public bool IsFinite => _sums.All(double.IsFinite);

    public void Add(ReadOnlyMemory<float> hidden, ReadOnlySpan<float> attention)
    {
        int width = _sums.Length;
        int rows = hidden.Length / width;
        _rows += rows;
        for (int first = 0; first < rows; first += LargestWave * ChunkRows)
        {
            int length = Math.Min(LargestWave * ChunkRows, rows - first);
            AddWave(hidden.Slice(first * width, length * width), (length + ChunkRows - 1) / ChunkRows);
        }
    }

    public float[] Pooled() => [.. _sums.Select(sum => (float)(mean ? sum / _rows : sum))];

    private void AddWave(ReadOnlyMemory<float> rows, int chunks)
    {
        int width = _sums.Length;
        double[] partial = ArrayPool<double>.Shared.Rent(chunks * width);
        Array.Clear(partial);
        int chunk = ChunkRows * width;
        if (threads == 1 || rows.Length < LeastToShare)
        {
            for (int i = 0; i < chunks; i++)
            {
                AddRows(rows.Span[(i * chunk)..Math.Min((i + 1) * chunk, rows.Length)], partial.AsSpan(i * width, width));
            }
        }
        else
        {
            Parallel.For(
                0, chunks, new ParallelOptions { MaxDegreeOfParallelism = threads },
                i => AddRows(rows.Span[(i * chunk)..Math.Min((i + 1) * chunk, rows.Length)], partial.AsSpan(i * width, width)));
        }

        for (int i = 0; i < chunks; i++)
        {
            TensorPrimitives.Add<double>(_sums, partial.AsSpan(i * width, width), _sums);
        }

        ArrayPool<double>.Shared.Return(partial);
    }

    private static void AddRows(ReadOnlySpan<float> values, Span<double> sums)
    {
        int stride = sums.Length;
        for (; values.Length >= 4 * stride; values = values[(4 * stride)..])
        {
            AddFour(sums, values[..stride], values.Slice(stride, stride), values.Slice(2 * stride, stride), values.Slice(3 * stride, stride));
        }

        for (; !values.IsEmpty; values = values[stride..])
        {
            for (int h = 0; h < sums.Length; h++)
            {
                sums[h] += values[h];
            }
        }
    }

    private static void AddFour(Span<double> sums, ReadOnlySpan<float> a, ReadOnlySpan<float> b, ReadOnlySpan<float> c, ReadOnlySpan<float> d)
    {
        int h = 0;
        ref double sum = ref MemoryMarshal.GetReference(sums);
        for (; h <= sums.Length - Vector<float>.Count; h += Vector<float>.Count)
        {
            // All five spans are of one length.
            nuint low = (nuint)h;
            nuint high = low + (nuint)Vector<double>.Count;
            Vector.Widen(Vector.LoadUnsafe(ref MemoryMarshal.GetReference(a), low), out Vector<double> aLow, out Vector<double> aHigh);
            Vector.Widen(Vector.LoadUnsafe(ref MemoryMarshal.GetReference(b), low), out Vector<double> bLow, out Vector<double> bHigh);
            Vector.Widen(Vector.LoadUnsafe(ref MemoryMarshal.GetReference(c), low), out Vector<double> cLow, out Vector<double> cHigh);
            Vector.Widen(Vector.LoadUnsafe(ref MemoryMarshal.GetReference(d), low), out Vector<double> dLow, out Vector<double> dHigh);
            (Vector.LoadUnsafe(ref sum, low) + (aLow + bLow + (cLow + dLow))).StoreUnsafe(ref sum, low);
            (Vector.LoadUnsafe(ref sum, high) + (aHigh + bHigh + (cHigh + dHigh))).StoreUnsafe(ref sum, high);
        }

        for (; h < sums.Length; h++)
        {
            sums[h] += (double)a[h] + b[h] + ((double)c[h] + d[h]);
        }
    }
}
