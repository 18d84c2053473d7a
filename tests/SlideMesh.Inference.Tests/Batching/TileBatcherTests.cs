using System.Diagnostics.Metrics;
using SlideMesh.Inference.Batching;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.OnnxRuntime;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Inference.Tests.Batching;

public sealed class TileBatcherTests
{
    // Normalised so that a tile's first value is its first byte.
    private static readonly TileGraph Graph = new("stub", "pixels", "value", 2, 1, new Normalisation([0, 0, 0], [1f / 255, 1f / 255, 1f / 255]));

    private static readonly TimeSpan Linger = TimeSpan.FromMilliseconds(4);

    [Fact]
    public async Task Batch_fills_from_two_shards_and_each_tile_gets_its_own_row()
    {
        using StubSession session = new();
        using TileBatcher batcher = Batcher(session, 4, new ManualTime());
        TileGroup first = new();
        TileGroup second = new();

        float[][] rows = [Commit(batcher, 10, first), Commit(batcher, 20, second), Commit(batcher, 30, first), Commit(batcher, 40, second)];
        first.Seal();
        second.Seal();
        await Task.WhenAll(first.Completion, second.Completion).WaitAsync(Patience);

        Assert.Equal([10f, 20f, 30f, 40f], rows.Select(r => r[0]));
        Assert.Equal([4], session.Runs);
    }

    [Fact]
    public async Task Acquire_waits_while_every_buffer_is_full_or_running()
    {
        using StubSession session = new(held: true);
        TileBatcherOptions options = new() { BatchSize = 4, Parallelism = 1, MemoryLimitBytes = 8 * Graph.BytesPerTile };
        using TileBatcher batcher = new(Graph, session, options, new ManualTime());
        TileGroup group = new();
        for (int i = 0; i < 8; i++)
        {
            Commit(batcher, i, group);
        }

        ValueTask<BatchSlot> ninth = batcher.AcquireAsync(default);
        await session.RunStartedAsync().WaitAsync(Patience);

        Assert.False(ninth.IsCompleted);
        Assert.Equal(8 * Graph.BytesPerTile, batcher.BufferBytes);
        Assert.Equal(8, batcher.Statistics.QueueDepth);
        session.LetRun(2);
        (await ninth.AsTask().WaitAsync(Patience)).Abandon();
        group.Seal();
        await group.Completion.WaitAsync(Patience);
    }

    [Fact]
    public void Memory_limit_makes_batches_smaller_before_it_refuses()
    {
        using StubSession session = new();
        using TileBatcher batcher = new(Graph, session, new TileBatcherOptions { BatchSize = 64, Parallelism = 1, MemoryLimitBytes = 20 * Graph.BytesPerTile });
        Assert.Equal(10, batcher.Statistics.BatchSize);
        Assert.Equal(20 * Graph.BytesPerTile, batcher.BufferBytes);

        ArgumentException e = Assert.Throws<ArgumentException>(
            () => new TileBatcher(Graph, session, new TileBatcherOptions { Parallelism = 1, MemoryLimitBytes = TileBatcher.LeastMemoryBytes(Graph) - 1 }));
        Assert.Contains($"{2 * Graph.BytesPerTile} bytes are needed", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, 1, 2, 2)]
    [InlineData(3, 1, 3, 3)]
    [InlineData(4, 1, 2, 4)]
    [InlineData(6, 2, 2, 6)]
    [InlineData(9, 3, 2, 8)]
    [InlineData(1000, 16, 58, 986)]
    public async Task Memory_limit_lowers_the_number_of_runs_at_a_time_once_batches_are_smallest(int tiles, int loops, int batchSize, int held)
    {
        using StubSession session = new();
        TileBatcherOptions options = new() { BatchSize = 64, Parallelism = 16, MemoryLimitBytes = tiles * Graph.BytesPerTile };
        using TileBatcher batcher = new(Graph, session, options, new ManualTime());

        Assert.Equal((loops, batchSize, held * Graph.BytesPerTile), (batcher.Parallelism, batcher.Statistics.BatchSize, batcher.BufferBytes));
        TileGroup group = new();
        for (int i = 0; i < batchSize; i++)
        {
            Commit(batcher, i, group);
        }

        group.Seal();
        await group.Completion.WaitAsync(Patience);
    }

    [Fact]
    public void Create_keeps_its_trials_within_the_memory_limit()
    {
        using StubSession session = new();
        using TileBatcher batcher = TileBatcher.Create(
            Graph, session, new TileBatcherOptions { Parallelism = 4, MemoryLimitBytes = 5 * Graph.BytesPerTile }, new ManualTime());

        Assert.Equal(2, batcher.Statistics.BatchSize);
        Assert.Equal([2, 2, 3, 5], session.Runs.Take(4).Order());
        Assert.Equal(2, session.Runs.Skip(4).Max());
    }

    [Fact]
    public async Task Create_ends_a_trial_at_cancellation()
    {
        using OnnxRuntimeEngine engine = new();
        using IInferenceSession session = engine.Load(OnnxRuntime.OnnxRuntimeEngineTests.SlowGraph, threads: 1);
        using CancellationTokenSource cancellation = new();
        Task<TileBatcher> creating = Task.Run(() => TileBatcher.Create(
            Graph with { Output = "features" }, session, new TileBatcherOptions { Parallelism = 2 }, cancellationToken: cancellation.Token));
        cancellation.CancelAfter(TimeSpan.FromMilliseconds(50));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => creating.WaitAsync(Patience));
    }

    [Fact]
    public async Task Incomplete_batch_runs_once_no_tile_came_for_the_linger_time()
    {
        ManualTime time = new();
        using StubSession session = new();
        using TileBatcher batcher = Batcher(session, 4, time);
        TileGroup group = new();
        Commit(batcher, 1, group);
        await time.TimerArmedAsync().WaitAsync(Patience);
        time.Advance(Linger - TimeSpan.FromMilliseconds(1));
        Commit(batcher, 2, group);
        group.Seal();

        // Four milliseconds after the first tile, one after the second: the timer is set again for the remaining three.
        time.Advance(TimeSpan.FromMilliseconds(1));
        await time.TimerArmedAsync().WaitAsync(Patience);
        time.Advance(TimeSpan.FromMilliseconds(2));
        Assert.Empty(session.Runs);

        time.Advance(TimeSpan.FromMilliseconds(1));
        await group.Completion.WaitAsync(Patience);
        Assert.Equal([2], session.Runs);
    }

    [Fact]
    public async Task Flush_runs_an_incomplete_batch_and_a_lone_tile_beside_padding()
    {
        using StubSession session = new();
        using TileBatcher batcher = Batcher(session, 4, new ManualTime());
        TileGroup group = new();
        float[] row = Commit(batcher, 9, group);
        group.Seal();

        batcher.Flush();
        await group.Completion.WaitAsync(Patience);

        Assert.Equal(9, row[0]);
        Assert.Equal([TileBatcher.MinimumRows], session.Runs);
        batcher.Dispose();
        Assert.Equal(1, batcher.Statistics.Tiles);
    }

    [Fact]
    public async Task Failing_run_fails_its_own_tiles_only()
    {
        using StubSession session = new() { Failure = firsts => firsts.Contains(66) ? new InferenceException("no luck") : null };
        using TileBatcher batcher = Batcher(session, 2, new ManualTime());
        TileGroup before = new();
        TileGroup hit = new();
        TileGroup after = new();
        foreach ((int value, TileGroup group) in new[] { (1, before), (2, before), (3, hit), (66, hit), (5, after), (6, after) })
        {
            Commit(batcher, value, group);
        }

        before.Seal();
        hit.Seal();
        after.Seal();

        await Task.WhenAll(before.Completion, after.Completion).WaitAsync(Patience);
        InferenceException e = await Assert.ThrowsAsync<InferenceException>(() => hit.Completion.WaitAsync(Patience));
        Assert.Equal("no luck", e.Message);
        batcher.Dispose();
        Assert.Equal((2, 4L, 2L), (hit.FailedTiles, batcher.Statistics.Tiles, batcher.Statistics.FailedTiles));
    }

    [Fact]
    public async Task Row_that_is_no_number_is_counted_at_its_group()
    {
        using StubSession session = new() { Result = first => first == 13 ? float.NaN : first };
        using TileBatcher batcher = Batcher(session, 2, new ManualTime());
        TileGroup sound = new();
        TileGroup odd = new();
        Commit(batcher, 1, sound);
        float[] row = Commit(batcher, 13, odd);
        sound.Seal();
        odd.Seal();

        await Task.WhenAll(sound.Completion, odd.Completion).WaitAsync(Patience);

        Assert.Equal(float.NaN, row[0]);
        Assert.Equal((0, 1), (sound.NonFiniteTiles, odd.NonFiniteTiles));
    }

    [Fact]
    public async Task Unexpected_exception_of_an_engine_does_not_end_the_device_loop()
    {
        using StubSession session = new() { Failure = firsts => firsts[0] == 1 ? new InvalidOperationException("odd") : null };
        using TileBatcher batcher = Batcher(session, 2, new ManualTime());
        TileGroup hit = new();
        TileGroup after = new();
        foreach ((int value, TileGroup group) in new[] { (1, hit), (2, hit), (3, after), (4, after) })
        {
            Commit(batcher, value, group);
        }

        hit.Seal();
        after.Seal();

        await after.Completion.WaitAsync(Patience);
        await Assert.ThrowsAsync<InferenceException>(() => hit.Completion.WaitAsync(Patience));
    }

    [Fact]
    public async Task Out_of_memory_halves_the_batch_and_loses_no_tile()
    {
        using StubSession session = new()
        {
            Failure = firsts => firsts.Length > 3 ? new InferenceException("Failed to allocate memory") { IsOutOfMemory = true } : null,
        };
        using TileBatcher batcher = Batcher(session, 8, new ManualTime());
        TileGroup group = new();
        float[][] rows = [.. Enumerable.Range(0, 8).Select(i => Commit(batcher, i, group))];
        group.Seal();

        await group.Completion.WaitAsync(Patience);

        Assert.Equal(Enumerable.Range(0, 8).Select(i => (float)i), rows.Select(r => r[0]));
        Assert.Equal([8, 4, 2, 2, 4, 2, 2], session.Runs);
        Assert.Equal((2, 3L), (batcher.Statistics.BatchSize, batcher.Statistics.OutOfMemoryEvents));
    }

    [Fact]
    public async Task Abandoned_slot_leaves_its_neighbours_alone_and_a_batch_of_them_does_not_run()
    {
        using StubSession session = new();
        using TileBatcher batcher = Batcher(session, 2, new ManualTime());
        batcher.Acquire(default).Abandon();
        batcher.Acquire(default).Abandon();
        TileGroup group = new();
        batcher.Acquire(default).Abandon();
        float[] row = Commit(batcher, 7, group);
        group.Seal();

        await group.Completion.WaitAsync(Patience);

        Assert.Equal(7, row[0]);
        Assert.Equal([2], session.Runs);
    }

    [Fact]
    public void Slot_can_be_used_once()
    {
        using StubSession session = new();
        using TileBatcher batcher = Batcher(session, 2, new ManualTime());
        BatchSlot slot = batcher.Acquire(default);
        slot.Abandon();

        Assert.Throws<InvalidOperationException>(slot.Abandon);
        Assert.Throws<InvalidOperationException>(() => slot.Commit(new float[1], new TileGroup()));
    }

    [Fact]
    public async Task Cancelled_waiter_leaves_its_slot_to_the_next()
    {
        using StubSession session = new(held: true);
        using TileBatcher batcher = new(Graph, session, new TileBatcherOptions { BatchSize = 2, Parallelism = 1, MemoryLimitBytes = 4 * Graph.BytesPerTile }, new ManualTime());
        TileGroup group = new();
        for (int i = 0; i < 4; i++)
        {
            Commit(batcher, i, group);
        }

        using CancellationTokenSource cancellation = new();
        ValueTask<BatchSlot> leaves = batcher.AcquireAsync(cancellation.Token);
        ValueTask<BatchSlot> stays = batcher.AcquireAsync(default);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaves.AsTask().WaitAsync(Patience));
        session.LetRun(1);

        (await stays.AsTask().WaitAsync(Patience)).Abandon();
        session.LetRun(1);
    }

    [Fact]
    public async Task Dispose_fails_whoever_waits()
    {
        using StubSession session = new(held: true);
        TileBatcher batcher = new(Graph, session, new TileBatcherOptions { BatchSize = 2, Parallelism = 1, MemoryLimitBytes = 4 * Graph.BytesPerTile }, new ManualTime());
        TileGroup running = new();
        TileGroup ready = new();
        TileGroup late = new();
        Commit(batcher, 1, running);
        Commit(batcher, 2, running);
        Commit(batcher, 3, ready);
        BatchSlot heldSlot = batcher.Acquire(default);
        Task<BatchSlot> waiting = batcher.AcquireAsync(default).AsTask();
        running.Seal();
        ready.Seal();
        late.Seal();
        await session.RunStartedAsync().WaitAsync(Patience);

        Task disposing = Task.Run(batcher.Dispose);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting.WaitAsync(Patience));
        session.LetRun(1);
        await disposing.WaitAsync(Patience);
        TileGroup tooLate = new();
        heldSlot.Commit(new float[1], tooLate);
        tooLate.Seal();

        await running.Completion.WaitAsync(Patience);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => ready.Completion.WaitAsync(Patience));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => tooLate.Completion.WaitAsync(Patience));
        Assert.Throws<ObjectDisposedException>(() => batcher.Acquire(default));
    }

    [Fact]
    public async Task Dispose_ends_a_run_of_hours()
    {
        using OnnxRuntimeEngine engine = new();
        using IInferenceSession session = engine.Load(OnnxRuntime.OnnxRuntimeEngineTests.SlowGraph, threads: 1);
        TileBatcher batcher = new(Graph with { Model = "slow", Output = "features" }, session, new TileBatcherOptions { BatchSize = 2, Parallelism = 1 }, new ManualTime());
        TileGroup group = new();
        Commit(batcher, 1, group);
        Commit(batcher, 2, group);
        group.Seal();

        await Task.Run(batcher.Dispose).WaitAsync(Patience);

        await Assert.ThrowsAsync<ObjectDisposedException>(() => group.Completion.WaitAsync(Patience));
    }

    [Fact]
    public async Task Storm_of_shards_loses_and_doubles_nothing()
    {
        const int Shards = 6;
        const int TilesEach = 1500;
        using StubSession session = new() { Failure = firsts => firsts.Contains(250) ? new InferenceException("unlucky") : null };
        TileBatcherOptions options = new() { BatchSize = 5, Parallelism = 3, Linger = TimeSpan.FromMilliseconds(1), MemoryLimitBytes = 25 * Graph.BytesPerTile };
        using TileBatcher batcher = new(Graph, session, options);
        TileGroup[] groups = [.. Enumerable.Range(0, Shards).Select(_ => new TileGroup())];
        float[][] rows = [.. Enumerable.Range(0, Shards).Select(_ => Enumerable.Repeat(-1f, TilesEach).ToArray())];
        int committed = 0;

        Task storm = Parallel.ForAsync(0, Shards, new ParallelOptions { MaxDegreeOfParallelism = Shards }, async (shard, cancellationToken) =>
        {
            Random random = new(shard);
            byte[] rgb = new byte[12];
            for (int tile = 0; tile < TilesEach; tile++)
            {
                BatchSlot slot = await batcher.AcquireAsync(cancellationToken);
                rgb[0] = (byte)(tile % 251);
                slot.Fill(rgb);
                if (random.Next(10) == 0)
                {
                    slot.Abandon();
                    continue;
                }

                Interlocked.Increment(ref committed);
                slot.Commit(rows[shard].AsMemory(tile, 1), groups[shard]);
            }

            groups[shard].Seal();
        });
        await storm.WaitAsync(Patience);
        await Task.WhenAll(groups.Select(g => g.Completion)).ContinueWith(_ => { }, TaskScheduler.Default).WaitAsync(Patience);

        Assert.Equal(committed - groups.Sum(g => g.FailedTiles), rows.Sum(r => r.Count(v => v >= 0)));
        Assert.All(rows, r => Assert.All(Enumerable.Range(0, TilesEach), tile => Assert.True(r[tile] == -1 || r[tile] == tile % 251)));
        Assert.InRange(groups.Sum(g => g.FailedTiles), 1, committed / 4);
        await Task.Run(batcher.Dispose).WaitAsync(Patience);
        BatcherStatistics statistics = batcher.Statistics;
        Assert.Equal((committed, 0L), (statistics.Tiles + statistics.FailedTiles, statistics.QueueDepth));
    }

    [Fact]
    public async Task Meter_counts_tiles_by_model()
    {
        long tiles = 0;
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Meter.Name == InferenceMetrics.MeterName && instrument.Name == "slidemesh.inference.tiles")
            {
                l.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
        {
            if (tags[0] is { Key: "model", Value: "metered" })
            {
                Interlocked.Add(ref tiles, value);
            }
        });
        listener.Start();
        using StubSession session = new();
        TileGroup group = new();
        using (TileBatcher batcher = new(Graph with { Model = "metered" }, session, new TileBatcherOptions { BatchSize = 2, Parallelism = 1 }, new ManualTime()))
        {
            Commit(batcher, 1, group);
            Commit(batcher, 2, group);
            group.Seal();
            await group.Completion.WaitAsync(Patience);
        }

        Assert.Equal(2, Interlocked.Read(ref tiles));
    }

    // Far beyond what any of this takes: a test that hangs fails instead.
    private static TimeSpan Patience => TimeSpan.FromMinutes(2);

    private static TileBatcher Batcher(StubSession session, int batchSize, ManualTime time) =>
        new(Graph, session, new TileBatcherOptions { BatchSize = batchSize, Parallelism = 1, Linger = Linger }, time);

    private static float[] Commit(TileBatcher batcher, int value, TileGroup group)
    {
        byte[] rgb = new byte[12];
        rgb[0] = (byte)value;
        float[] row = new float[1];
        BatchSlot slot = batcher.Acquire(default);
        slot.Fill(rgb);
        slot.Commit(row, group);
        return row;
    }
}
