using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using SlideMesh.Inference.Engines;

namespace SlideMesh.Inference.Batching;

/// <summary>Tries whether a graph gives a tile the same bits whatever the size of the run, its place in it and its neighbours.</summary>
/// <remarks>
/// Measured with ONNX Runtime 1.30 on AVX-512, one and two threads, runs of 1 to 32 (dense layers: 1 to 1,200) rows: ResNet-50, a ViT, the
/// demonstration encoder and dense layers of 1 to 33 columns were identical, bit for bit. Products of two computed matrices were not: with 5
/// columns a lone row differed from the same row among others (4,343 of 6,000 results), hence <see cref="TileBatcher.MinimumRows"/>; with one
/// column results differed with the number of rows in general. For such graphs the batcher runs one tile at a time.
/// </remarks>
public static class RowIndependence
{
    // The same for every batch size, so that the verdict is too. Matrix kernels take rows in blocks of up to twelve and have
    // other code for what is left over: one, two, three and seven rows meet different code. Twelve tiles in all.
    private static readonly int[] Sizes = [2, 3, 7];

    /// <param name="parallelism">Runs at the same time; the verdict does not depend on it.</param>
    /// <param name="memoryLimitBytes">
    /// Bound on the buffers of these runs. Sizes that do not fit are not tried: within the same limit, no batch reaches them either.
    /// </param>
    /// <exception cref="InferenceException">The graph does not run.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; a run under way is ended where the engine can.</exception>
    public static bool Holds(
        TileGraph graph, IInferenceSession session, int parallelism = 1, long memoryLimitBytes = long.MaxValue, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(session);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(parallelism);
        long tiles = Math.Max(memoryLimitBytes / graph.BytesPerTile, TileBatcher.MinimumRows);

        // The longest first, so that the others run beside it. The last one is what the others are compared with.
        int[] sizes = [.. Sizes.Select(size => (int)Math.Min(size, tiles)).Distinct().OrderDescending()];
        (float[] A, float[] B)[] rows = new (float[], float[])[sizes.Length + 1];
        int atOnce = (int)Math.Min(parallelism, Math.Max(1, tiles / sizes[0]));
        void Run(int i) => rows[i] = i < sizes.Length
            ? Probe(graph, session, sizes[i], atA: sizes[i] - 1, atB: 0, cancellationToken)
            : Probe(graph, session, TileBatcher.MinimumRows, atA: 0, atB: 1, cancellationToken);
        InParallel(rows.Length, atOnce, Run, cancellationToken);
        return rows.All(other => SameBits(rows[^1].A, other.A) && SameBits(rows[^1].B, other.B));
    }

    private static void InParallel(int count, int atOnce, Action<int> action, CancellationToken cancellationToken)
    {
        try
        {
            Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = atOnce, CancellationToken = cancellationToken }, action);
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
    }

    private static bool SameBits(ReadOnlySpan<float> x, ReadOnlySpan<float> y) => MemoryMarshal.AsBytes(x).SequenceEqual(MemoryMarshal.AsBytes(y));

    /// <summary>Runs tiles A and B at these places, among neighbours that no other run has, and gives back their rows.</summary>
    private static (float[] A, float[] B) Probe(TileGraph graph, IInferenceSession session, int rows, int atA, int atB, CancellationToken cancellationToken)
    {
        float[] input = new float[checked(rows * graph.InputLength)];
        for (int row = 0; row < rows; row++)
        {
            Random noise = new(row == atA ? 1 : row == atB ? 2 : (1000 * rows) + row);
            foreach (ref float value in input.AsSpan(row * graph.InputLength, graph.InputLength))
            {
                value = (noise.NextSingle() * 4) - 2;
            }
        }

        float[] output = new float[rows * graph.Dimension];
        session.RunInto(
            [new TensorView(graph.Input, input, [rows, 3, graph.SizePx, graph.SizePx])],
            [new TensorBuffer(graph.Output, output, [rows, graph.Dimension])],
            cancellationToken);
        float[] Row(int at) => output[(at * graph.Dimension)..((at + 1) * graph.Dimension)];
        return (Row(atA), Row(atB));
    }
}
