using System.Diagnostics;
using SlideMesh.Inference.Engines;

namespace SlideMesh.Inference.Batching;

/// <summary>What a graph does when its tiles lie in memory already.</summary>
/// <param name="Loops">Runs at the same time.</param>
/// <param name="Run">Mean of one run; null where the session does not tell.</param>
/// <param name="BusyShare">Share of the time in which the device computed, 0 to 1; null where it is not told apart.</param>
public sealed record TileRate(int BatchSize, int Loops, double TilesPerSecond, TileRunTimings? Run, double? BusyShare);

/// <summary>Feeds a graph from memory, as its batcher would with tiles that cost nothing.</summary>
public static class TileThroughput
{
    /// <param name="threads">Runs at the same time on a CPU; a GPU has its own number.</param>
    /// <param name="time">At least this long, after a first run.</param>
    /// <exception cref="InferenceException">The graph does not run in this size.</exception>
    public static TileRate Measure(
        TileGraph graph, IInferenceSession session, int batchSize, int threads, TimeSpan time, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        int loops = (session as ITileSession)?.RunsAtOnce ?? threads;
        TileBuffer[] buffers = [.. Enumerable.Range(0, loops).Select(_ => TileBuffer.Allocate(graph, session, batchSize))];
        try
        {
            Fill(graph, buffers);
            buffers[0].Tune();
            Parallel.ForEach(buffers, buffer => buffer.Run(0, batchSize, cancellationToken));
            return Measure(buffers, session is ITileSession { Memory: not null }, time, cancellationToken);
        }
        catch (AggregateException e) when (e.InnerException is { } first)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(first);
            throw;
        }
        finally
        {
            Array.ForEach(buffers, buffer => buffer.Dispose());
        }
    }

    private static TileRate Measure(TileBuffer[] buffers, bool onGpu, TimeSpan time, CancellationToken cancellationToken)
    {
        int batchSize = buffers[0].Capacity;
        Lock gate = new();
        long runs = 0;
        TileRunTimings sum = default;
        bool told = true;
        Stopwatch clock = Stopwatch.StartNew();
        Parallel.ForEach(buffers, new ParallelOptions { MaxDegreeOfParallelism = buffers.Length, CancellationToken = cancellationToken }, buffer =>
        {
            // One run at least, and no new one once the time is over.
            do
            {
                TileRunTimings? timings = buffer.Run(0, batchSize, cancellationToken);
                lock (gate)
                {
                    runs++;
                    told &= timings is not null;
                    TileRunTimings one = timings ?? default;
                    sum = new TileRunTimings(sum.CopyIn + one.CopyIn, sum.Compute + one.Compute, sum.CopyOut + one.CopyOut);
                }
            }
            while (clock.Elapsed < time);
        });
        double seconds = clock.Elapsed.TotalSeconds;
        return new TileRate(
            batchSize, buffers.Length, runs * batchSize / seconds,
            told ? new TileRunTimings(sum.CopyIn / runs, sum.Compute / runs, sum.CopyOut / runs) : null,
            onGpu ? Math.Min(1, sum.Compute / seconds) : null);
    }

    private static void Fill(TileGraph graph, TileBuffer[] buffers)
    {
        byte[] tile = new byte[graph.InputLength];
        Random noise = new(1);
        foreach (TileBuffer buffer in buffers)
        {
            for (int i = 0; i < buffer.Capacity; i++)
            {
                noise.NextBytes(tile);
                buffer.Fill(i, tile);
            }
        }
    }
}
