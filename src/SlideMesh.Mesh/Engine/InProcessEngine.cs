using System.Collections.Concurrent;
using System.Threading.Channels;
using SlideMesh.Mesh.Messages;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Engine;

/// <param name="QueuedShards">Capacity of the inference pool's queue; a coordinator waits when it is full. Shards are ids and ranges, not pixels.</param>
/// <param name="MaximumAttempts">Deliveries of one message before a transient failure counts as permanent.</param>
/// <param name="FirstBackOff">Wait before the second delivery; doubles with each further one.</param>
public sealed record InProcessOptions(int QueuedShards = 64, int MaximumAttempts = 4, TimeSpan? FirstBackOff = null);

/// <summary>
/// The engine for one machine: mailboxes and queues in memory, nothing to install. State dies with the process; the output
/// store is the truth, and a new run finds there what is done.
/// </summary>
public sealed class InProcessEngine : IMeshEngine
{
    private readonly InProcessOptions _options;
    private readonly TimeProvider _time;
    private readonly Dictionary<ActorKind, ActorPool> _actors = [];
    private readonly Channel<EmbedShard> _work;
    private readonly ConcurrentDictionary<SlideId, ShardSet> _sets = new();
    private readonly List<Task> _loops = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<Task, byte> _redeliveries = new();
    private Func<EmbedShard, CancellationToken, Task>? _perform;
    private int _workConcurrency;
    private int _disposed;
    private Func<MeshMessage, Exception, CancellationToken, Task> _bury = (_, _, _) => Task.CompletedTask;

    public InProcessEngine(InProcessOptions? options = null, TimeProvider? time = null)
    {
        _options = options ?? new InProcessOptions();
        _time = time ?? TimeProvider.System;
        _work = Channel.CreateBounded<EmbedShard>(_options.QueuedShards);
    }

    public int QueuedWork => _work.Reader.Count;

    public void OnTell(ActorKind kind, int concurrency, Func<MeshMessage, CancellationToken, Task> receive)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(concurrency);
        _actors.Add(kind, new ActorPool(concurrency, receive));
    }

    public void OnWork(int concurrency, Func<EmbedShard, CancellationToken, Task> perform)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(concurrency);
        _workConcurrency = concurrency;
        _perform = perform;
    }

    public void OnDead(Func<MeshMessage, Exception, CancellationToken, Task> bury) => _bury = bury;

    public Task StartAsync(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        foreach ((ActorKind kind, ActorPool pool) in _actors)
        {
            for (int i = 0; i < pool.Concurrency; i++)
            {
                _loops.Add(Task.Run(() => ServeActorsAsync(kind, pool), CancellationToken.None));
            }
        }

        for (int i = 0; i < _workConcurrency; i++)
        {
            _loops.Add(Task.Run(ServeWorkAsync, CancellationToken.None));
        }

        return Task.CompletedTask;
    }

    public ValueTask TellAsync(ActorKind kind, MeshMessage message, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(message);
        cancellation.ThrowIfCancellationRequested();
        _actors[kind].Post(message);
        return ValueTask.CompletedTask;
    }

    public async ValueTask SubmitAsync(EmbedShard work, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(work);
        ShardSet? set = work.Place > 0 ? _sets.GetValueOrDefault(work.Slide) : null;
        if (set is not null && work.Place <= set.HandedOut)
        {
            return;
        }

        await _work.Writer.WriteAsync(work, cancellation).ConfigureAwait(false);
        if (set is not null)
        {
            // Only the slide's coordinator hands out, and it handles one message at a time.
            set.HandedOut = work.Place;
        }
    }

    public async ValueTask<int> ExpectAsync(SlideId slide, string key, int shards, ActorKind kind, MeshMessage then, CancellationToken cancellation)
    {
        if (_sets.TryGetValue(slide, out ShardSet? known) && known.Key == key && known.Shards == shards)
        {
            return known.HandedOut;
        }

        ShardSet set = new(key, shards, kind, then);
        _sets[slide] = set;
        if (shards == 0 && set.TryFinish())
        {
            await TellAsync(kind, then, cancellation).ConfigureAwait(false);
        }

        return 0;
    }

    public ValueTask CompleteAsync(SlideId slide, string stream, int index, CancellationToken cancellation) =>
        _sets.TryGetValue(slide, out ShardSet? set) && set.Complete(stream, index)
            ? TellAsync(set.Kind, set.Then, cancellation)
            : ValueTask.CompletedTask;

    public ValueTask ForgetAsync(SlideId slide, CancellationToken cancellation)
    {
        _sets.TryRemove(slide, out _);
        return ValueTask.CompletedTask;
    }

    /// <summary>Nobody else could have it.</summary>
    public ValueTask ConfirmAsync(CancellationToken cancellation) => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        await _stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_loops.Concat(_redeliveries.Keys)).ConfigureAwait(false);
        // Nobody empties the queue any more: whoever waits for a place in it must not wait for ever.
        _work.Writer.TryComplete();
        _stop.Dispose();
    }

    private async Task ServeActorsAsync(ActorKind kind, ActorPool pool)
    {
        try
        {
            await foreach (Mailbox mailbox in pool.Ready.Reader.ReadAllAsync(_stop.Token).ConfigureAwait(false))
            {
                MeshMessage message = mailbox.Peek();
                await HandleAsync(message, pool.Receive, again => pool.Post(again)).ConfigureAwait(false);
                pool.Release(mailbox);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Stopping: what is left in the mailboxes is done by the next run.
        }
    }

    private async Task ServeWorkAsync()
    {
        try
        {
            await foreach (EmbedShard work in _work.Reader.ReadAllAsync(_stop.Token).ConfigureAwait(false))
            {
                await HandleAsync(work, (m, ct) => _perform!((EmbedShard)m, ct), Resubmit).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // As above.
        }
    }

    // A full queue must not stop the worker that empties it, so a retried item waits for its place in a task of its own.
    private void Resubmit(MeshMessage again) => Track(_work.Writer.WriteAsync((EmbedShard)again, _stop.Token).AsTask());

    private async Task HandleAsync(MeshMessage message, Func<MeshMessage, CancellationToken, Task> receive, Action<MeshMessage> redeliver)
    {
        try
        {
            await receive(message, _stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            throw;
        }
#pragma warning disable CA1031 // The actor's boundary: whatever went wrong is classed here, once.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            if (FailureClassifier.Classify(failure) == FailureClass.Transient && message.Attempt + 1 < _options.MaximumAttempts)
            {
                Track(RedeliverLaterAsync(message with { Attempt = message.Attempt + 1 }, redeliver));
            }
            else
            {
                await BuryAsync(message, failure).ConfigureAwait(false);
            }
        }
    }

    private async Task BuryAsync(MeshMessage message, Exception failure)
    {
        try
        {
            await _bury(message, failure, _stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            throw;
        }
#pragma warning disable CA1031 // One burial that fails must not end the loop that serves every other actor.
        catch (Exception)
#pragma warning restore CA1031
        {
            // Part of the contract: a handler that needs to know guards itself.
        }
    }

    private async Task RedeliverLaterAsync(MeshMessage message, Action<MeshMessage> redeliver)
    {
        TimeSpan wait = (_options.FirstBackOff ?? TimeSpan.FromMilliseconds(500)) * Math.Pow(2, message.Attempt - 1);
        await Task.Delay(wait, _time, _stop.Token).ConfigureAwait(false);
        redeliver(message);
    }

    private void Track(Task task)
    {
        Task observed = task.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        _redeliveries.TryAdd(observed, 0);
        _ = observed.ContinueWith(done => _redeliveries.TryRemove(done, out _), TaskScheduler.Default);
    }

    /// <summary>The shards of one slide that are still awaited.</summary>
    private sealed class ShardSet(string key, int shards, ActorKind kind, MeshMessage then)
    {
        private readonly HashSet<(string Stream, int Index)> _complete = [];
        private bool _finished;

        public string Key => key;

        public int Shards => shards;

        public int HandedOut { get; set; }

        public ActorKind Kind => kind;

        public MeshMessage Then => then;

        /// <returns>True for the one completion that finishes the set.</returns>
        public bool Complete(string stream, int index)
        {
            lock (_complete)
            {
                return _complete.Add((stream, index)) && _complete.Count == shards && TryFinish();
            }
        }

        public bool TryFinish()
        {
            lock (_complete)
            {
                bool first = !_finished;
                _finished = true;
                return first;
            }
        }
    }
}
