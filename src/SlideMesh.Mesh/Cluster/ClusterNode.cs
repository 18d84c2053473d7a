using System.Globalization;
using System.Runtime.CompilerServices;
using SlideMesh.Inference.Engines;
using SlideMesh.Mesh.Engine;
using SlideMesh.Mesh.Redis;
using SlideMesh.Mesh.Runs;
using SlideMesh.Mesh.Telemetry;

namespace SlideMesh.Mesh.Cluster;

/// <summary>What a node does in a cluster.</summary>
[Flags]
public enum NodeRoles
{
    None = 0,
    Coordinator = 1,
    Aggregator = 2,
    Inference = 4,
    All = Coordinator | Aggregator | Inference,
}

/// <summary>How one node is set up.</summary>
public sealed record NodeOptions
{
    public required NodeRoles Roles { get; init; }

    public required RedisSettings Redis { get; init; }

    public required RedisEngineOptions Engine { get; init; }

    /// <summary>The shared folder.</summary>
    public required string Store { get; init; }

    /// <summary>Folder of this machine where packages are kept that were fetched from the store.</summary>
    public required string ModelsCache { get; init; }

    /// <summary>Decoders, threads and batches of this node.</summary>
    public required RunOptions Work { get; init; }

    /// <summary>Slides planned at once, and slides merged at once.</summary>
    public int SlidesAtOnce { get; init; } = 2;

    /// <summary>How long Redis remembers a run that has ended; looked after by coordinators.</summary>
    public TimeSpan KeepRuns { get; init; } = TimeSpan.FromDays(30);

    /// <summary>How long a node that is to end waits for what it holds.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Address and port of the health endpoints; null: none.</summary>
    public string? Health { get; init; }
}

/// <summary>One process of a cluster, from its start to its end. It ends when cancelled, drained by an operator, or unfit for a run.</summary>
public sealed class ClusterNode(NodeOptions options, IReadOnlyList<IInferenceEngine> devices, Action<string> tell)
{
    // Twice the decoders: while the last rows of a shard are on the device, its worker's place reads the next shard.
    private const int ShardsPerDecoder = 2;

    private static readonly TimeSpan AnnounceEvery = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan RecoverEvery = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ForgetEvery = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan IdleRun = TimeSpan.FromSeconds(15);

    private readonly DateTimeOffset _started = TimeProvider.System.GetUtcNow();

    /// <summary>Works until <paramref name="cancellation"/>, then drains.</summary>
    /// <exception cref="OutputException">The store cannot be used.</exception>
    /// <exception cref="RedisUnusableException">The settings make no sense, or the password is refused.</exception>
    /// <exception cref="UnfitNodeException">A run wants another version or engine.</exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        ClusterStore store = ClusterStore.Open(options.Store);
        RedisLink link = await RedisLink.ConnectAsync(options.Redis).ConfigureAwait(false);
        await using ConfiguredAsyncDisposable closing = link.ConfigureAwait(false);
        try
        {
            await link.RequireAsync(TimeSpan.FromSeconds(10), cancellation).ConfigureAwait(false);
        }
        catch (RedisUnusableException away)
        {
            tell(away.Message + "; waiting for it");
        }

        RunBoard board = new(link);
        using MeshTelemetry telemetry = new();
        using ModelShelf shelf = new(store, devices, options.Work, options.ModelsCache, tell);
        RedisEngine engine = new(link, options.Engine);
        using RunRegister runs = new(store, shelf, devices[0], engine, options.Work, telemetry);
        using NodeTelemetry metrics = new(engine, link, () => shelf.Devices);
        // Declared last, so that it ends first: its handlers use the others until they have returned.
        await using ConfiguredAsyncDisposable ending = engine.ConfigureAwait(false);

        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Exception? unfit = null;
        engine.OpenSlides = () => runs.OpenSlides;
        engine.Settled = metrics.Settled;
        engine.Swept = (pool, taken, quarantined) =>
        {
            metrics.Swept(pool, taken, quarantined);
            tell($"took over {taken} messages of silent nodes in pool {pool}{(quarantined > 0 ? $", {quarantined} quarantined" : "")}");
        };
        engine.Unfit = failure =>
        {
            unfit = failure;
            stop.Cancel();
        };
        Register(engine, new SlideHandlers(store, runs, board, engine, options.Engine.Node, TimeProvider.System));
        NodeHealth health = new(engine, link, store);
        using HealthServer? server = options.Health is { } address ? HealthServer.Start(address, health) : null;
        await engine.StartAsync(CancellationToken.None).ConfigureAwait(false);
        health.IsStarted = true;
        tell($"node {options.Engine.Node} works as {RoleNames()} on pool {options.Engine.Pool}, {devices[0].Description}, {DeviceNames()}");
        await FollowAsync(store, board, engine, runs, shelf, metrics, stop).ConfigureAwait(false);

        await DrainAsync(board, engine).ConfigureAwait(false);
        if (unfit is not null)
        {
            throw new UnfitNodeException(unfit.Message);
        }
    }

    private void Register(RedisEngine engine, SlideHandlers handlers)
    {
        int decoders = options.Work.Decoders ?? Environment.ProcessorCount;
        if (options.Roles.HasFlag(NodeRoles.Coordinator))
        {
            engine.OnTell(ActorKind.Coordinator, options.SlidesAtOnce, handlers.CoordinateAsync);
        }

        if (options.Roles.HasFlag(NodeRoles.Aggregator))
        {
            engine.OnTell(ActorKind.Aggregator, options.SlidesAtOnce, handlers.AggregateAsync);
        }

        if (options.Roles.HasFlag(NodeRoles.Inference))
        {
            engine.OnWork(decoders * ShardsPerDecoder, handlers.EmbedAsync);
        }

        engine.OnDead(handlers.BuryAsync);
    }

    /// <summary>Announces the node every few seconds and looks after what only a living node can: runs that Redis has lost, idle runs.</summary>
    private async Task FollowAsync(
        ClusterStore store, RunBoard board, RedisEngine engine, RunRegister runs, ModelShelf shelf, NodeTelemetry metrics, CancellationTokenSource stop)
    {
        long recovered = 0;
        long forgot = 0;
        try
        {
            while (true)
            {
                if (await board.AnnounceAsync(options.Engine.Node, Facts(engine, shelf), stop.Token).ConfigureAwait(false))
                {
                    tell("asked to drain");
                    return;
                }

                if (options.Roles.HasFlag(NodeRoles.Coordinator))
                {
                    metrics.Observe(await board.CensusOfAllAsync(options.Engine.Lease, ["coordinator", "aggregator", options.Engine.Pool], stop.Token).ConfigureAwait(false));
                    if (recovered == 0 || TimeProvider.System.GetElapsedTime(recovered) > RecoverEvery)
                    {
                        recovered = TimeProvider.System.GetTimestamp();
                        await RecoverAsync(store, board, stop.Token).ConfigureAwait(false);
                    }

                    if (forgot == 0 || TimeProvider.System.GetElapsedTime(forgot) > ForgetEvery)
                    {
                        forgot = TimeProvider.System.GetTimestamp();
                        await ForgetAsync(store, board, stop.Token).ConfigureAwait(false);
                    }
                }

                runs.Prune(IdleRun);
                await Task.Delay(AnnounceEvery, stop.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            tell("stopping");
        }
    }

    private async Task RecoverAsync(ClusterStore store, RunBoard board, CancellationToken cancellation)
    {
        try
        {
            foreach (string run in await Recovery.RunAsync(store, board, cancellation).ConfigureAwait(false))
            {
                tell($"run {run} was not in Redis: rebuilt from the store");
            }
        }
        catch (Exception away) when (away is IOException or UnauthorizedAccessException)
        {
            tell($"the store cannot be read: {away.Message}");
        }
    }

    private async Task ForgetAsync(ClusterStore store, RunBoard board, CancellationToken cancellation)
    {
        try
        {
            foreach (string run in await RunMemory.ForgetAsync(store, board, options.KeepRuns, TimeProvider.System.GetUtcNow(), cancellation).ConfigureAwait(false))
            {
                tell(string.Create(CultureInfo.InvariantCulture, $"run {run} ended more than {options.KeepRuns.TotalDays:0} days ago: Redis has forgotten it, the store remembers"));
            }
        }
        catch (Exception away) when (away is IOException or UnauthorizedAccessException or System.Text.Json.JsonException)
        {
            tell($"the store cannot be read: {away.Message}");
        }
    }

    private async Task DrainAsync(RunBoard board, RedisEngine engine)
    {
        using CancellationTokenSource patience = new(options.Grace + Farewell);
        try
        {
            Task drained = engine.DrainAsync(options.Grace);
            if (engine.Held.Values.All(held => held == 0))
            {
                // A good-bye alone is not worth waiting for a Redis that is away.
                patience.CancelAfter(Farewell);
            }

            await board.AnnounceAsync(options.Engine.Node, new Dictionary<string, string> { ["state"] = "draining" }, patience.Token).ConfigureAwait(false);
            await drained.ConfigureAwait(false);
            await engine.DisposeAsync().ConfigureAwait(false);
            await board.LeaveAsync(options.Engine.Node, patience.Token).ConfigureAwait(false);
            tell("stopped; what was not finished was handed back");
        }
        catch (OperationCanceledException)
        {
            tell("stopped while Redis was away: what it held, if anything, is taken over when the lease has run out");
        }
    }

    private Dictionary<string, string> Facts(RedisEngine engine, ModelShelf shelf) => new(StringComparer.Ordinal)
    {
        ["roles"] = RoleNames(),
        ["pool"] = options.Engine.Pool,
        ["device"] = DeviceNames(),
        ["engine"] = devices[0].Description,
        ["version"] = SoftwareVersion.Current,
        ["models"] = string.Join(',', shelf.Names),
        ["held"] = string.Join(',', engine.Held.OrderBy(h => h.Key, StringComparer.Ordinal).Select(h => $"{h.Key}:{h.Value}")),
        ["busy"] = shelf.BusyShare.ToString("0.00", CultureInfo.InvariantCulture),
        ["state"] = engine.IsDraining ? "draining" : "live",
        ["host"] = Environment.MachineName,
        ["started"] = _started.ToString("O", CultureInfo.InvariantCulture),
    };

    private string DeviceNames() => string.Join(',', devices.Select(d => d.Device));

    private string RoleNames() => string.Join(
        ',', new[] { NodeRoles.Coordinator, NodeRoles.Aggregator, NodeRoles.Inference }.Where(r => options.Roles.HasFlag(r)).Select(Inference.Packages.KebabCase.Of));
}
