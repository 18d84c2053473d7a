using System.Diagnostics;
using System.Runtime.ExceptionServices;
using SlideMesh.Inference.Engines;

namespace SlideMesh.Inference.Batching;

/// <summary>What one batch size gave.</summary>
public readonly record struct BatchSizeTrial(int BatchSize, double TilesPerSecond);

/// <param name="BatchSize">The smallest size within 3 % of the best throughput.</param>
/// <param name="Trials">Every size tried, smallest first.</param>
/// <param name="StoppedBy">Why no larger size was tried: <c>memory</c>, <c>time</c> or <c>largest</c>.</param>
public sealed record BatchSizeChoice(int BatchSize, IReadOnlyList<BatchSizeTrial> Trials, string StoppedBy);

/// <summary>
/// Tries batch sizes 2, 4, … 64 (on a GPU 16 to 1,024, within its free memory) on a loaded graph (a lone tile costs a run of two, so one is never better). The choice may differ from run to run; results do not depend on it
/// (see <see cref="TileBatcher.MinimumRows"/>).
/// </summary>
public static class BatchSizeFinder
{
    /// <summary>A smaller batch costs less memory and latency; this share of the throughput is worth giving up for it.</summary>
    private const double Tolerance = 0.03;

    private const int Largest = 64;

    private const int SmallestOnGpu = 16;

    /// <summary>Of a GPU's free memory, the rest being other programs' and the allocator's.</summary>
    private const double UsableShare = 0.8;

    private const int MinimumRuns = 2;

    private static readonly TimeSpan LongestTrial = TimeSpan.FromMilliseconds(200);

    /// <param name="parallelism">Runs at the same time, as the batcher will do.</param>
    /// <param name="memoryLimitBytes">Bound on buffers plus what the process grows by during a trial.</param>
    /// <param name="budget">Time for all trials; exceeded by one run at most. Default 2 s.</param>
    /// <exception cref="OperationCanceledException">Cancelled; a run under way is ended where the engine can.</exception>
    public static BatchSizeChoice Find(
        TileGraph graph, IInferenceSession session, int parallelism, long memoryLimitBytes, TimeSpan? budget = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(session);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(parallelism);
        TimeSpan total = budget ?? TimeSpan.FromSeconds(session is ITileSession { Memory: not null } ? 4 : 2);
        List<BatchSizeTrial> trials = [];
        string stoppedBy = "largest";
        long grownPerTile = 0;
        ITileSession? tiles = session as ITileSession;
        DeviceMemory? atStart = tiles?.Memory;
        int smallest = atStart is null ? TileBatcher.MinimumRows : WarmGpu(graph, session, cancellationToken);
        Stopwatch clock = Stopwatch.StartNew();
        for (int size = smallest; size <= (tiles?.LargestBatch ?? Largest); size *= 2)
        {
            long needed = size * (((parallelism + 1) * graph.BytesPerTile) + (atStart is null ? grownPerTile : 0));
            bool fills = atStart is { } memory && size * grownPerTile > memory.FreeBytes * UsableShare;
            if (trials.Count > 0 && (needed > memoryLimitBytes || fills))
            {
                stoppedBy = "memory";
                break;
            }

            cancellationToken.ThrowIfCancellationRequested();

            // Not begun when its runs would not fit into the time left.
            TimeSpan left = total - clock.Elapsed;
            double oneRun = trials.Count == 0 ? 0 : size * parallelism / trials[^1].TilesPerSecond;
            if (trials.Count > 0 && oneRun * (MinimumRuns + 1) > left.TotalSeconds)
            {
                stoppedBy = "time";
                break;
            }

            long before = Environment.WorkingSet;
            try
            {
                TimeSpan time = left / 3 < LongestTrial ? left / 3 : LongestTrial;
                trials.Add(new BatchSizeTrial(size, Measure(graph, session, size, parallelism, time, cancellationToken)));
            }
            catch (InferenceException e) when (e.IsOutOfMemory && trials.Count > 0)
            {
                stoppedBy = "memory";
                break;
            }

            // The last trial only: the first ones grow by what the engine sets up once. A GPU's own allocator keeps what it had.
            long grown = atStart is { } first && tiles!.Memory is { } now ? first.FreeBytes - now.FreeBytes : Environment.WorkingSet - before;
            grownPerTile = Math.Max(0, grown) / size;
        }

        if (tiles is null)
        {
            // Buffers of the sizes tried, 100 MB on 2 cores with tiles of 256 pixels. They are pinned: what is left of them when the batcher
            // allocates its own stays between those for the rest of the run.
            ManagedHeap.GiveBack();
        }

        tiles?.Trim();
        return new BatchSizeChoice(Choose(trials), trials, stoppedBy);
    }

    /// <summary>The first run on a GPU loads kernels for seconds, which is none of the trials' time.</summary>
    /// <returns>The smallest size to try: the first one that fits.</returns>
    private static int WarmGpu(TileGraph graph, IInferenceSession session, CancellationToken cancellationToken)
    {
        for (int size = SmallestOnGpu; ; size /= 2)
        {
            using TileBuffer buffer = TileBuffer.Allocate(graph, session, size);
            try
            {
                buffer.Run(0, size, cancellationToken);
                return size;
            }
            catch (InferenceException e) when (e.IsOutOfMemory && size > 1)
            {
                (session as ITileSession)?.Trim();
            }
        }
    }

    internal static int Choose(IReadOnlyList<BatchSizeTrial> trials)
    {
        double best = trials.Max(t => t.TilesPerSecond);
        return trials.First(t => t.TilesPerSecond >= best * (1 - Tolerance)).BatchSize;
    }

    private static double Measure(
        TileGraph graph, IInferenceSession session, int size, int parallelism, TimeSpan time, CancellationToken cancellationToken)
    {
        TileBuffer[] buffers = [.. Enumerable.Range(0, parallelism).Select(_ => TileBuffer.Allocate(graph, session, size))];
        try
        {
            return Measure(buffers, time, cancellationToken);
        }
        finally
        {
            Array.ForEach(buffers, buffer => buffer.Dispose());
        }
    }

    private static double Measure(TileBuffer[] buffers, TimeSpan time, CancellationToken cancellationToken)
    {
        int size = buffers[0].Capacity;
        void Once(int loop) => buffers[loop].Run(0, size, cancellationToken);

        // The first run of a size sets up the engine's memory for it.
        Once(0);
        Stopwatch clock = Stopwatch.StartNew();
        long runs = 0;
        ExceptionDispatchInfo? failure = null;
        Thread[] loops = [.. Enumerable.Range(0, buffers.Length).Select(loop => new Thread(() =>
        {
            try
            {
                int own = 0;
                while (own++ < MinimumRuns || clock.Elapsed < time)
                {
                    Once(loop);
                    Interlocked.Increment(ref runs);
                }
            }
            catch (Exception e)
            {
                // Let out on the caller's thread: on this one it would end the process.
                failure = ExceptionDispatchInfo.Capture(e);
            }
        }))];
        Array.ForEach(loops, loop => loop.Start());
        Array.ForEach(loops, loop => loop.Join());
        failure?.Throw();
        return runs * size / clock.Elapsed.TotalSeconds;
    }
}
