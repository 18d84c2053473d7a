using System.Collections.Concurrent;
using System.Globalization;
using SlideMesh.Mesh.Engine;
using SlideMesh.Mesh.Messages;
using SlideMesh.Mesh.Runs;
using SlideMesh.Slides;
using StackExchange.Redis;

namespace SlideMesh.Mesh.Redis;

/// <summary>
/// The engine for many machines: lanes of messages are Redis streams, nodes pull from them, and what a silent node held is taken over
/// (<c>state-machine.md</c>, <c>protocol.md</c>). Every change of state is one script under the claim of the message that is being handled, so
/// that a node that was taken for dead changes nothing any more.
/// </summary>
public sealed class RedisEngine : IMeshEngine
{
    /// <summary>The run of messages that name none.</summary>
    private const string OnlyRun = "-";

    private static readonly TimeSpan LongestWaitForPlace = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestAnswer = TimeSpan.FromSeconds(2);

    private readonly RedisLink _link;
    private readonly RedisEngineOptions _options;
    private readonly TimeProvider _time;
    private readonly ClaimKeeper _keeper;
    private readonly List<PoolLoop> _pools = [];
    private readonly ConcurrentDictionary<Task, byte> _deferred = new();
    private readonly AsyncLocal<Claim?> _current = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _loops = [];
    private Func<MeshMessage, Exception, CancellationToken, Task> _bury = (_, _, _) => Task.CompletedTask;
    private int _disposed;

    /// <param name="time">For back-offs; all other time is the server's or the machine's.</param>
    public RedisEngine(RedisLink link, RedisEngineOptions options, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(link);
        ArgumentNullException.ThrowIfNull(options);
        _link = link;
        _options = options;
        _time = time ?? TimeProvider.System;
        _keeper = new ClaimKeeper(link, options);
    }

    /// <summary>Slides that this node has open, as <c>run slide</c>: shards of these are taken first.</summary>
    public Func<IReadOnlyCollection<string>> OpenSlides { get; set; } = static () => [];

    /// <summary>Called for what became of a message: pool and outcome (completed, failed, retried, handed-back, refused).</summary>
    public Action<string, string> Settled { get; set; } = static (_, _) => { };

    /// <summary>Called for messages taken over from silent nodes, and quarantined ones: pool, how many.</summary>
    public Action<string, int, int> Swept { get; set; } = static (_, _, _) => { };

    /// <summary>Called when a message asks for what this node is not (the message goes back undone), or when Redis refuses what it never should.</summary>
    public Action<Exception> Unfit { get; set; } = static _ => { };

    public int QueuedWork => (int)_link.Database.ListLength(_link.Key("backlog:" + _options.Pool));

    /// <summary>Messages in this node's hands.</summary>
    public IReadOnlyDictionary<string, int> Held => _keeper.CountByPool();

    /// <summary>Time since the heartbeat's loop last turned: a node that hangs shows here.</summary>
    public TimeSpan SinceHeartbeat => _keeper.SinceTurn;

    public bool IsDraining { get; private set; }

    /// <summary>Where the handler that asks books its time: it goes to Redis with the completion of its message. Outside of a message, nowhere.</summary>
    internal StageTimings Timings => _current.Value?.Timings ?? new StageTimings();

    /// <summary>Whether this node performs shards.</summary>
    public bool PerformsWork => _pools.Any(p => p.Pool == _options.Pool);

    public void OnTell(ActorKind kind, int concurrency, Func<MeshMessage, CancellationToken, Task> receive) =>
        _pools.Add(new PoolLoop(this, PoolOf(kind), concurrency, receive));

    public void OnWork(int concurrency, Func<EmbedShard, CancellationToken, Task> perform) =>
        _pools.Add(new PoolLoop(this, _options.Pool, concurrency, (message, cancellation) => perform((EmbedShard)message, cancellation)));

    public void OnDead(Func<MeshMessage, Exception, CancellationToken, Task> bury) => _bury = bury;

    public Task StartAsync(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        _link.OnRestored(() => Wake(""));
        Func<Task>[] loops = [() => _keeper.RunAsync(_stop.Token), SweepAsync, ListenAsync, .. _pools.Select(pool => (Func<Task>)(() => pool.RunAsync(_stop.Token)))];
        _loops.AddRange(loops.Select(loop => Task.Run(() => GuardAsync(loop), CancellationToken.None)));
        return Task.CompletedTask;
    }

    public async ValueTask TellAsync(ActorKind kind, MeshMessage message, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(message);
        await PostAsync(PoolOf(kind), message, serial: true, limit: 0, place: 0, cancellation).ConfigureAwait(false);
    }

    public async ValueTask SubmitAsync(EmbedShard work, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(work);
        TimeSpan pause = TimeSpan.FromMilliseconds(5);
        while (!await PostAsync(_options.Pool, work, serial: false, _options.QueuedShards, work.Place, cancellation).ConfigureAwait(false))
        {
            await Task.Delay(pause, cancellation).ConfigureAwait(false);
            pause = pause * 2 < LongestWaitForPlace ? pause * 2 : LongestWaitForPlace;
        }
    }

    public async ValueTask<int> ExpectAsync(SlideId slide, string key, int shards, ActorKind kind, MeshMessage then, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(then);
        string handedOut = await AskAsync(
            LuaScript.Expect, cancellation,
            [RunOf(then), slide.Value, key, shards, PoolOf(kind), MessageJson.Write(then), TraceNow(), .. Guard]).ConfigureAwait(false);
        return int.Parse(handedOut, CultureInfo.InvariantCulture);
    }

    /// <summary>How many shards the set of a slide, of the run whose message is being handled, has, and how many are handed out; null: it has no set.</summary>
    internal async Task<(long Shards, long HandedOut)?> SetAsync(SlideId slide, CancellationToken cancellation)
    {
        string set = _link.Key($"set:{_current.Value?.Run ?? OnlyRun}:{slide}");
        RedisResult[] fields = (RedisResult[])await _link.CommandAsync("HMGET", cancellation, set, "want", "out").ConfigureAwait(false);
        return fields[0].IsNull ? null : (RedisLink.Number(fields[0]), RedisLink.Number(fields[1]));
    }

    /// <summary>Called by the shard's own handler, completes the message with the shard: both or neither.</summary>
    public async ValueTask CompleteAsync(SlideId slide, string stream, int index, CancellationToken cancellation)
    {
        string shard = string.Create(CultureInfo.InvariantCulture, $"{stream}:{index}");
        Claim? claim = _current.Value;
        if (claim is { IsSettled: false, Message: EmbedShard own } && own.Slide == slide && own.Stream == stream && own.Index == index)
        {
            await AskAsync(LuaScript.Finish, cancellation, [.. claim.Arguments, shard, .. TimesOf(claim)]).ConfigureAwait(false);
            claim.IsSettled = true;
            return;
        }

        await AskAsync(LuaScript.Mark, cancellation, claim?.Run ?? OnlyRun, slide.Value, shard).ConfigureAwait(false);
    }

    public async ValueTask ForgetAsync(SlideId slide, CancellationToken cancellation) =>
        await AskAsync(LuaScript.Forget, cancellation, [_current.Value?.Run ?? OnlyRun, slide.Value, .. Guard]).ConfigureAwait(false);

    public async ValueTask ConfirmAsync(CancellationToken cancellation)
    {
        if (_current.Value is { } claim)
        {
            await _keeper.ConfirmAsync(claim, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Ends the message that is being handled by a script of the caller's, behind whose arguments stand the claim's five and the message's times.
    /// </summary>
    internal async Task<string> SettleAsync(LuaScript script, CancellationToken cancellation, params object[] arguments)
    {
        Claim claim = _current.Value ?? throw new InvalidOperationException("No message is being handled.");
        string answer = await AskAsync(script, cancellation, [.. arguments, .. claim.Arguments, .. TimesOf(claim)]).ConfigureAwait(false);
        claim.IsSettled = true;
        return answer;
    }

    /// <summary>Takes nothing new and waits until what is held is done, at most <paramref name="grace"/>. Disposal hands the rest back.</summary>
    public async Task DrainAsync(TimeSpan grace)
    {
        IsDraining = true;
        Interlocked.MemoryBarrier();
        long started = TimeProvider.System.GetTimestamp();
        while (IsBusy(TimeProvider.System.GetElapsedTime(started)) && TimeProvider.System.GetElapsedTime(started) < grace)
        {
            await Task.Delay(50).ConfigureAwait(false);
        }
    }

    /// <summary>Messages are in hand, or on their way: for these a drain waits only as long as a Redis that is there needs to answer.</summary>
    private bool IsBusy(TimeSpan draining) =>
        _keeper.Count > 0 || _pools.Any(p => p.IsActive || (p.IsClaiming && draining < LongestAnswer));

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        await _stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_loops).ConfigureAwait(false);
        await Task.WhenAll(_deferred.Keys).ConfigureAwait(false);
        _stop.Dispose();
    }

    internal RedisEngineOptions Options => _options;

    internal RedisLink Link => _link;

    /// <summary>A node whose loop has ended would look alive and do nothing: it ends instead.</summary>
    private async Task GuardAsync(Func<Task> loop)
    {
        try
        {
            await loop().ConfigureAwait(false);
        }
        catch (RedisException refused)
        {
            Unfit(refused);
        }
    }

    /// <summary>One message from claim to end.</summary>
    internal async Task HandleAsync(Claim claim, Func<MeshMessage, CancellationToken, Task> receive)
    {
        _keeper.Add(claim);
        _current.Value = claim;
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token, claim.Lost);
        bool deferred = false;
        try
        {
            using System.Diagnostics.Activity? activity = MeshTraces.Start(claim);
            deferred = await HandleAsync(claim, receive, either.Token).ConfigureAwait(false);
        }
        catch (ClaimLostException)
        {
            Settled(claim.Pool, "refused");
        }
        catch (Cluster.UnfitNodeException unfit)
        {
            await HandBackAsync(LuaScript.Release, claim).ConfigureAwait(false);
            Unfit(unfit);
        }
        catch (OperationCanceledException) when (claim.IsLost)
        {
            Settled(claim.Pool, "refused");
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            await HandBackAsync(LuaScript.Release, claim).ConfigureAwait(false);
        }
        finally
        {
            if (!deferred)
            {
                _keeper.Remove(claim);
            }
        }
    }

    /// <returns>True when the message waits for its next delivery.</returns>
    private async Task<bool> HandleAsync(Claim claim, Func<MeshMessage, CancellationToken, Task> receive, CancellationToken cancellation)
    {
        try
        {
            await receive(claim.Message, cancellation).ConfigureAwait(false);
        }
        catch (Exception ended) when (ended is ClaimLostException or Cluster.UnfitNodeException || (ended is OperationCanceledException && cancellation.IsCancellationRequested))
        {
            throw;
        }
#pragma warning disable CA1031 // The actor's boundary: whatever went wrong is classed here, once.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            if (claim.IsSettled)
            {
                return false;
            }

            if (FailureClassifier.Classify(failure) == FailureClass.Transient && claim.Message.Attempt + 1 < _options.MaximumAttempts)
            {
                await AskAsync(LuaScript.Defer, cancellation, claim.Arguments).ConfigureAwait(false);
                Track(DeliverLaterAsync(claim));
                return true;
            }

            await BuryAsync(claim.Message, failure, cancellation).ConfigureAwait(false);
            await FinishAsync(claim, "failed").ConfigureAwait(false);
            return false;
        }

        await FinishAsync(claim, "completed").ConfigureAwait(false);
        return false;
    }

    private async Task FinishAsync(Claim claim, string outcome)
    {
        if (!claim.IsSettled)
        {
            // Not cancelled by a stop: the work is done, and saying so is quick unless Redis is away.
            using CancellationTokenSource patience = new(_stop.IsCancellationRequested ? TimeSpan.FromSeconds(2) : Timeout.InfiniteTimeSpan);
            await AskAsync(LuaScript.Finish, _stop.IsCancellationRequested ? patience.Token : _stop.Token, [.. claim.Arguments, "", .. TimesOf(claim)]).ConfigureAwait(false);
            claim.IsSettled = true;
        }

        Settled(claim.Pool, outcome);
    }

    private async Task BuryAsync(MeshMessage message, Exception failure, CancellationToken cancellation)
    {
        try
        {
            await _bury(message, failure, cancellation).ConfigureAwait(false);
        }
        catch (Exception ended) when (ended is ClaimLostException || (ended is OperationCanceledException && cancellation.IsCancellationRequested))
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

    /// <summary>The wait is the holder's: its claim lives meanwhile, and when the holder dies, the message is taken over at once.</summary>
    private async Task DeliverLaterAsync(Claim claim)
    {
        try
        {
            await Task.Delay(_options.FirstBackOff * Math.Pow(2, claim.Message.Attempt), _time, _stop.Token).ConfigureAwait(false);
            await AskAsync(LuaScript.Again, _stop.Token, claim.Arguments).ConfigureAwait(false);
            Settled(claim.Pool, "retried");
        }
        catch (OperationCanceledException)
        {
            await HandBackAsync(LuaScript.Again, claim).ConfigureAwait(false);
        }
        catch (ClaimLostException)
        {
            Settled(claim.Pool, "refused");
        }
        finally
        {
            _keeper.Remove(claim);
        }
    }

    /// <summary>Best effort within two seconds: what is not handed back is taken over when the lease has run out.</summary>
    private async Task HandBackAsync(LuaScript script, Claim claim)
    {
        using CancellationTokenSource patience = new(TimeSpan.FromSeconds(2));
        try
        {
            await _link.CallAsync(script, patience.Token, claim.Arguments).ConfigureAwait(false);
            Settled(claim.Pool, "handed-back");
        }
        catch (Exception late) when (late is OperationCanceledException or RedisException)
        {
            // As above.
        }
    }

    /// <summary>Beside the loops, which look by themselves until they are woken: Redis may be away when the node starts.</summary>
    private async Task ListenAsync()
    {
        try
        {
            await _link.ListenAsync("wake", Wake, _stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Stopping.
        }
    }

    private async Task SweepAsync()
    {
        Dictionary<string, long> offsets = [];
        string[] own = [PoolOf(ActorKind.Coordinator), PoolOf(ActorKind.Aggregator), _options.Pool];
        try
        {
            while (true)
            {
                await Task.Delay(_options.Lease / 4, _stop.Token).ConfigureAwait(false);
                // Other pools too: the last node of a pool leaves nobody there who would notice its death.
                foreach (string pool in own.Union(await _link.PoolsAsync(_stop.Token).ConfigureAwait(false)))
                {
                    RedisResult[] answer = (RedisResult[])await _link.CallAsync(
                        LuaScript.Sweep, _stop.Token, pool, (long)_options.Lease.TotalMilliseconds, _options.MaximumDeaths, _options.MaximumLosses,
                        offsets.GetValueOrDefault(pool)).ConfigureAwait(false);
                    offsets[pool] = RedisLink.Number(answer[0]);
                    (int taken, int quarantined) = ((int)RedisLink.Number(answer[1]), (int)RedisLink.Number(answer[2]));
                    if (taken > 0)
                    {
                        Swept(pool, taken, quarantined);
                    }
                }
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Stopping.
        }
    }

    private void Wake(string pool)
    {
        foreach (PoolLoop loop in _pools.Where(p => pool.Length == 0 || p.Pool == pool))
        {
            loop.Wake();
        }
    }

    private async Task<bool> PostAsync(string pool, MeshMessage message, bool serial, int limit, int place, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        ObjectDisposedException.ThrowIf(_stop.IsCancellationRequested, this);
        return await AskAsync(
            LuaScript.Post, cancellation,
            [pool, RunOf(message), message.Slide.Value, serial ? "1" : "0", MessageJson.Write(message), TraceNow(), limit, place, .. Guard]).ConfigureAwait(false) == "ok";
    }

    /// <exception cref="ClaimLostException">The script refused because the claim's epoch is old.</exception>
    private async Task<string> AskAsync(LuaScript script, CancellationToken cancellation, params object[] arguments)
    {
        string answer = (string)await _link.CallAsync(script, cancellation, arguments).ConfigureAwait(false);
        return answer != "stale" ? answer : throw new ClaimLostException();
    }

    /// <summary>Per row: stage, stream, µs, tiles; empty where there is none.</summary>
    private static IEnumerable<object> TimesOf(Claim claim) => claim.Timings.Rows.SelectMany(row => new object[]
    {
        row.Stage, row.Stream ?? "", (long)row.Elapsed.TotalMicroseconds, row.Tiles?.ToString(CultureInfo.InvariantCulture) ?? "",
    });

    private object[] Guard => _current.Value is { IsSettled: false } claim ? claim.Arguments : Claim.NoArguments;

    private string RunOf(MeshMessage message) => message.Run.Length > 0 ? message.Run : _current.Value?.Run ?? OnlyRun;

    private static string TraceNow() => System.Diagnostics.Activity.Current?.Id ?? "";

    internal static string PoolOf(ActorKind kind) => kind switch
    {
        ActorKind.Coordinator => "coordinator",
        ActorKind.Aggregator => "aggregator",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
    };

    internal static string RunShown(string run) => run == OnlyRun ? "" : run;

    private void Track(Task task)
    {
        _deferred.TryAdd(task, 0);
        _ = task.ContinueWith(done => _deferred.TryRemove(done, out _), TaskScheduler.Default);
    }
}
