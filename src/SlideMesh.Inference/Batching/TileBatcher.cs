using SlideMesh.Inference.Engines;

namespace SlideMesh.Inference.Batching;

/// <summary>
/// Fills device batches with tiles of whatever shards and slides have them ready, and runs them. Thread-safe.
/// </summary>
/// <remarks>
/// <para>A ring of batch buffers of bounded bytes: a caller gets a slot, normalises its tile straight into the batch, and hands it over;
/// while all buffers are full or running, callers wait, so that decoding never runs ahead of the device.</para>
/// <para>A row's bits do not depend on the batch it went through; see <see cref="MinimumRows"/>. Of a session that takes bytes
/// (<see cref="ITileSession"/>) that cannot be said: a GPU's kernels differ with the number of rows. Its runs all have the batch's size, filled up with
/// padding, so that a row depends on that size alone, and that to rounding.</para>
/// </remarks>
public sealed class TileBatcher : IDisposable
{
    /// <summary>
    /// Rows of the smallest run: a lone tile runs beside padding, because engines take another path for products with one row,
    /// which sums in another order (measurement at <see cref="RowIndependence"/>).
    /// </summary>
    public const int MinimumRows = 2;

    private readonly TileBatcherOptions _options;
    private readonly TimeProvider _time;
    private readonly KeyValuePair<string, object?> _tag;
    private readonly KeyValuePair<string, object?> _deviceTag;
    private readonly ITimer _linger;
    private readonly Thread[] _loops;
    private readonly TileBatch[] _ring;
    private readonly BatchRunner _runner;
    private readonly bool _onGpu;
    private readonly CancellationTokenSource _closing = new();

    // Everything below is read and written under this lock.
    private readonly object _gate = new();
    private readonly Queue<TileBatch> _free;
    private readonly Queue<TileBatch> _ready = new();
    private readonly Queue<SlotWaiter> _waiters = new();
    private TileBatch? _open;
    private int _batchSize;
    private int _idleLoops;
    private bool _lingerArmed;
    private bool _disposed;
    private long _lastSlotAt;
    private long _batches;
    private long _tiles;
    private long _failedTiles;
    private long _queued;
    private long _outOfMemory;
    private TimeSpan _busy;
    private TimeSpan _wait;
    private TileRunTimings _device;
    private long? _firstRunAt;
    private readonly List<long> _underWaySince = [];

    /// <param name="session">The tile graph; stays the caller's.</param>
    /// <exception cref="ArgumentException">The memory limit has no room for <see cref="LeastMemoryBytes"/>.</exception>
    public TileBatcher(TileGraph graph, IInferenceSession session, TileBatcherOptions options, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(session);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.BatchSize ?? BatchRing.DefaultBatchSize);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.Parallelism);
        bool bytes = session is ITileSession;
        graph = graph with { TakesBytes = bytes };
        Graph = graph;
        bool equal = bytes || options.EqualRuns;
        int minimumRows = options.OneTileRuns || equal ? 1 : MinimumRows;
        _runner = new BatchRunner(graph, session, minimumRows, equal ? () => Volatile.Read(ref _batchSize) : null, _closing.Token);
        _onGpu = session is ITileSession { Memory: not null };
        _options = options;
        _time = time ?? TimeProvider.System;
        _tag = InferenceMetrics.Tag(graph.Model);
        _deviceTag = InferenceMetrics.DeviceTag(options.Device);

        BatchRing ring = BatchRing.Fit(graph, options);
        _batchSize = ring.BatchSize;
        Parallelism = ring.Loops;
        BufferBytes = ring.Buffers * ring.BatchSize * graph.BytesPerTile;
        _ring = [.. Enumerable.Range(0, ring.Buffers).Select(_ => new TileBatch(TileBuffer.Allocate(graph, session, ring.BatchSize)))];
        _free = new Queue<TileBatch>(_ring);

        _linger = _time.CreateTimer(_ => OnLinger(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _loops = [.. Enumerable.Range(0, ring.Loops).Select(i => new Thread(Loop) { IsBackground = true, Name = $"device {graph.Model} {i}" })];
        foreach (Thread loop in _loops)
        {
            loop.Start();
        }
    }

    /// <summary>
    /// A batcher whose batch size is measured unless <paramref name="options"/> give it, and which runs tiles one by one when
    /// the graph's results depend on the batch. Takes some seconds of the device.
    /// </summary>
    /// <exception cref="InferenceException">The graph does not run.</exception>
    /// <exception cref="ArgumentException">As for the constructor.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; a trial run under way is ended where the engine can.</exception>
    public static TileBatcher Create(
        TileGraph graph, IInferenceSession session, TileBatcherOptions options, TimeProvider? time = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(options);
        if (session is ITileSession tiles)
        {
            return CreateForBytes(graph with { TakesBytes = true }, tiles, options, time, cancellationToken);
        }

        int loops = BatchRing.Fit(graph, options).Loops;
        bool oneTileRuns = options.OneTileRuns
            || (!options.EqualRuns && !RowIndependence.Holds(graph, session, loops, options.MemoryLimitBytes, cancellationToken));
        int batchSize = oneTileRuns
            ? 1
            : options.BatchSize
                ?? BatchSizeFinder.Find(graph, session, loops, options.MemoryLimitBytes, cancellationToken: cancellationToken).BatchSize;
        return new TileBatcher(graph, session, options with { BatchSize = batchSize, OneTileRuns = oneTileRuns }, time);
    }

    private static TileBatcher CreateForBytes(
        TileGraph graph, ITileSession session, TileBatcherOptions options, TimeProvider? time, CancellationToken cancellationToken)
    {
        options = options with { Parallelism = session.RunsAtOnce ?? options.Parallelism };
        int loops = BatchRing.Fit(graph, options).Loops;
        int wanted = options.BatchSize
            ?? BatchSizeFinder.Find(graph, session, loops, options.MemoryLimitBytes, cancellationToken: cancellationToken).BatchSize;
        int batchSize = BatchRing.Fit(graph, options with { BatchSize = wanted }).BatchSize;
        using (TileBuffer trial = TileBuffer.Allocate(graph, session, batchSize))
        {
            if (trial.Tune() is { } chosen)
            {
                options.Notes?.Invoke(chosen);
            }
        }

        return new TileBatcher(graph, session, options with { BatchSize = batchSize }, time);
    }

    /// <summary>The smallest memory limit with which a batcher of this graph works, one small run at a time. To check before the first slide.</summary>
    public static long LeastMemoryBytes(TileGraph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        return MinimumRows * graph.BytesPerTile;
    }

    public TileGraph Graph { get; }

    /// <summary>Runs at the same time; fewer than asked for when the memory limit is small.</summary>
    public int Parallelism { get; }

    /// <summary>Memory of all batch buffers; at most <see cref="TileBatcherOptions.MemoryLimitBytes"/>.</summary>
    public long BufferBytes { get; }

    /// <summary>What has been done so far. A run is counted just after its tiles' groups hear of it.</summary>
    public BatcherStatistics Statistics
    {
        get
        {
            lock (_gate)
            {
                TimeSpan wait = _wait;
                TimeSpan sinceFirst = _firstRunAt is long first ? _time.GetElapsedTime(first) : TimeSpan.Zero;
                DeviceUse use = new(_busy, sinceFirst, _onGpu ? 1 : Parallelism);
                if (_onGpu)
                {
                    // Its loops overlap: what one of them waits for says nothing of the device.
                    wait = sinceFirst > _busy ? sinceFirst - _busy : TimeSpan.Zero;
                }
                else
                {
                    // A run of a large model on a CPU takes seconds: left out until its end, the device would seem idle.
                    use = use with { Busy = _underWaySince.Aggregate(_busy, (sum, since) => sum + _time.GetElapsedTime(since)) };
                }

                return new BatcherStatistics(_batches, _tiles, _failedTiles, _queued, _batchSize, BufferBytes, _outOfMemory, _busy, wait) { Device = _device, Use = use };
            }
        }
    }

    /// <summary>Takes a slot, waiting while every buffer is in use. For decode threads.</summary>
    /// <exception cref="ObjectDisposedException">The batcher closes.</exception>
    public BatchSlot Acquire(CancellationToken cancellationToken)
    {
        ValueTask<BatchSlot> slot = AcquireAsync(cancellationToken);
        return slot.IsCompletedSuccessfully ? slot.GetAwaiter().GetResult() : slot.AsTask().GetAwaiter().GetResult();
    }

    /// <inheritdoc cref="Acquire"/>
    public ValueTask<BatchSlot> AcquireAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        SlotWaiter waiter;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_waiters.Count == 0 && TryReserve(out BatchSlot slot))
            {
                return new ValueTask<BatchSlot>(slot);
            }

            waiter = new SlotWaiter();
            _waiters.Enqueue(waiter);
        }

        return new ValueTask<BatchSlot>(waiter.WaitAsync(cancellationToken));
    }

    /// <summary>Runs what has been handed over, without waiting for a batch to fill. For the end of the work.</summary>
    public void Flush()
    {
        lock (_gate)
        {
            CloseOpenBatch();
        }
    }

    /// <summary>
    /// Ends running batches (an engine that cannot end them lets them finish); everything handed over that has no result then, and every
    /// waiter, fails with <see cref="ObjectDisposedException"/>.
    /// </summary>
    public void Dispose()
    {
        List<SlotWaiter> waiters;
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            waiters = [.. _waiters];
            _waiters.Clear();
            Monitor.PulseAll(_gate);
        }

        _linger.Dispose();
        _closing.Cancel();
        waiters.ForEach(waiter => waiter.TryFail(_runner.Closed()));
        foreach (Thread loop in _loops)
        {
            loop.Join();
        }

        _closing.Dispose();

        List<TileGroup> dropped;
        lock (_gate)
        {
            dropped = [.. _ring.SelectMany(batch => batch.TakeGroups())];
            CountQueued(-dropped.Count);
        }

        dropped.ForEach(group => group.Finish(_runner.Closed()));
        foreach (TileBatch batch in _ring)
        {
            batch.Tiles.Dispose();
        }
    }

    internal void Finish(TileBatch batch, int index, Memory<float> destination, TileGroup? group)
    {
        lock (_gate)
        {
            batch.Finish(index, destination, _disposed ? null : group);
            if (!_disposed)
            {
                CountQueued(group is null ? 0 : 1);
                EnqueueIfReady(batch);
                return;
            }
        }

        group?.Finish(_runner.Closed());
    }

    private bool TryReserve(out BatchSlot slot)
    {
        if (_open is null && !_free.TryDequeue(out _open))
        {
            slot = default;
            return false;
        }

        slot = _open.Reserve(this);
        _lastSlotAt = _time.GetTimestamp();
        if (_open.Reserved >= _batchSize)
        {
            CloseOpenBatch();
        }
        else if (_idleLoops > 0)
        {
            ArmLinger(_options.Linger);
        }

        return true;
    }

    private void CloseOpenBatch()
    {
        if (_open is { } batch)
        {
            batch.IsClosed = true;
            _open = null;
            EnqueueIfReady(batch);
        }
    }

    private void EnqueueIfReady(TileBatch batch)
    {
        if (batch.IsReady)
        {
            _ready.Enqueue(batch);
            Monitor.Pulse(_gate);
        }
    }

    // Armed once and renewed when it fires too early, instead of being set back by every tile.
    private void ArmLinger(TimeSpan due)
    {
        if (!_lingerArmed && !_disposed)
        {
            _lingerArmed = _linger.Change(due, Timeout.InfiniteTimeSpan);
        }
    }

    private void OnLinger()
    {
        lock (_gate)
        {
            _lingerArmed = false;
            if (_open is null || _idleLoops == 0)
            {
                // A loop that becomes idle arms it again.
                return;
            }

            TimeSpan left = _options.Linger - _time.GetElapsedTime(_lastSlotAt);
            if (left <= TimeSpan.Zero)
            {
                CloseOpenBatch();
            }
            else
            {
                ArmLinger(left);
            }
        }
    }

    private void Loop()
    {
        while (NextBatch() is { } batch)
        {
            long start = _time.GetTimestamp();
            lock (_gate)
            {
                _firstRunAt ??= start;
                _underWaySince.Add(start);
            }

            (int done, int failed) = _runner.Run(batch, HalveBatchSize);
            Recycle(batch, done, failed, start);
        }
    }

    private TileBatch? NextBatch()
    {
        lock (_gate)
        {
            long start = _time.GetTimestamp();
            while (_ready.Count == 0 && !_disposed)
            {
                _idleLoops++;
                if (_open is not null)
                {
                    ArmLinger(_options.Linger);
                }

                Monitor.Wait(_gate);
                _idleLoops--;
            }

            TimeSpan wait = _time.GetElapsedTime(start);
            _wait += wait;
            InferenceMetrics.DeviceWait.Add(wait.TotalSeconds, _tag, _deviceTag);
            return _disposed ? null : _ready.Dequeue();
        }
    }

    private void Recycle(TileBatch batch, int done, int failed, long start)
    {
        TileRunTimings timings = batch.Timings ?? default;
        if (batch.Timings is not null)
        {
            InferenceMetrics.CopyInDuration.Record(timings.CopyIn, _tag, _deviceTag);
            InferenceMetrics.ComputeDuration.Record(timings.Compute, _tag, _deviceTag);
            InferenceMetrics.CopyOutDuration.Record(timings.CopyOut, _tag, _deviceTag);
        }

        TimeSpan busy = _onGpu ? TimeSpan.FromSeconds(timings.Compute) : _time.GetElapsedTime(start);
        InferenceMetrics.Batches.Add(1, _tag);
        InferenceMetrics.Tiles.Add(done, _tag);
        InferenceMetrics.FailedTiles.Add(failed, _tag);
        InferenceMetrics.RunDuration.Record(busy.TotalSeconds, _tag, _deviceTag);
        InferenceMetrics.DeviceBusy.Add(busy.TotalSeconds, _tag, _deviceTag);
        lock (_gate)
        {
            _batches++;
            _tiles += done;
            _failedTiles += failed;
            _underWaySince.Remove(start);
            _busy += busy;
            _device = new TileRunTimings(_device.CopyIn + timings.CopyIn, _device.Compute + timings.Compute, _device.CopyOut + timings.CopyOut);
            CountQueued(-(done + failed));
            batch.Clear();
            _free.Enqueue(batch);
            ServeWaiters();
        }
    }

    private void ServeWaiters()
    {
        while (_waiters.Count > 0 && (_open is not null || _free.Count > 0))
        {
            SlotWaiter waiter = _waiters.Dequeue();
            if (waiter.TryClaim())
            {
                _ = TryReserve(out BatchSlot slot);
                waiter.Give(slot);
            }
        }
    }

    private void HalveBatchSize(int failedSize)
    {
        InferenceMetrics.OutOfMemory.Add(1, _tag, _deviceTag);
        int batchSize;
        lock (_gate)
        {
            _outOfMemory++;
            batchSize = Math.Max(_runner.MinimumRows, Math.Min(_batchSize, failedSize / 2));
            Volatile.Write(ref _batchSize, batchSize);
        }

        _options.Notes?.Invoke(
            FormattableString.Invariant($"{Graph.Model}: the device has no memory for a batch of {failedSize} tiles; going on with {batchSize}"));
    }

    private void CountQueued(int tiles)
    {
        _queued += tiles;
        InferenceMetrics.QueueDepth.Add(tiles, _tag);
    }
}
