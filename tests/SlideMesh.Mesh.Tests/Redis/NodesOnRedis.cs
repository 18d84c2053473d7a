using SlideMesh.Mesh.Cluster;
using SlideMesh.Mesh.Messages;
using SlideMesh.Mesh.Redis;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Tests.Redis;

/// <summary>Nodes of one test on one Redis, in a namespace of its own; ended with the test.</summary>
public abstract class NodesOnRedis(RedisServer server) : IAsyncLifetime
{
    private protected static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>As a stopped process: it holds its work and its next heartbeat never comes.</summary>
    private protected static readonly TimeSpan Silent = TimeSpan.FromDays(1);

    private protected static readonly CancellationToken None = CancellationToken.None;

    private protected static readonly SlideId Slide = new("a");

    private readonly RedisSettings _settings = server.NewSettings();
    private readonly List<IAsyncDisposable> _open = [];

    private protected RedisLink Link { get; private set; } = null!;

    private protected RunBoard Board { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        Link = await RedisLink.ConnectAsync(_settings);
        _open.Add(Link);
        Board = new RunBoard(Link);
    }

    public async Task DisposeAsync()
    {
        foreach (IAsyncDisposable open in Enumerable.Reverse(_open))
        {
            await open.DisposeAsync();
        }
    }

    /// <summary>Submits run <c>r</c> of slide <c>a</c>.</summary>
    private protected async Task SubmitAsync() =>
        Assert.Equal("ok", await Board.SubmitAsync(OrderOfServiceTests.Specification("r", RunPriority.Normal, ["a"], window: 1), None));

    private protected async Task<RedisEngine> NodeAsync(string name, TimeSpan? lease = null)
    {
        RedisLink link = await RedisLink.ConnectAsync(_settings);
        RedisEngine engine = new(link, new RedisEngineOptions
        {
            Node = name,
            Lease = lease ?? TimeSpan.FromMilliseconds(600),
            Straggler = TimeSpan.FromDays(1),
            FirstBackOff = TimeSpan.FromMilliseconds(20),
        });
        _open.Add(link);
        _open.Add(engine);
        return engine;
    }

    /// <summary>Hands out the shards of slide <c>a</c>, as its coordinator does.</summary>
    private protected static async Task HandOutAsync(RedisEngine node, int shards, CancellationToken cancellation)
    {
        int first = await node.ExpectAsync(Slide, "plan", shards, Mesh.Engine.ActorKind.Aggregator, new AggregateSlide(Slide) { Run = "r" }, cancellation);
        for (int i = first; i < shards; i++)
        {
            await node.SubmitAsync(Shard(i) with { Place = i + 1 }, cancellation);
        }
    }

    /// <summary>A message of the pool, claimed by hand: run, slide, id and epoch.</summary>
    private protected async Task<string[]> ClaimAsync(string pool, string holder)
    {
        StackExchange.Redis.RedisResult[] claims = (StackExchange.Redis.RedisResult[])await Link.CallAsync(LuaScript.Claim, None, pool, holder, 1, 1L << 40);
        return RedisLink.Strings(Assert.Single(claims))[..4];
    }

    private protected async Task<string> CallAsync(LuaScript script, params object[] arguments) => (string)await Link.CallAsync(script, None, arguments);

    private protected async Task<bool> ExistsAsync(string key) => RedisLink.Number(await Link.CommandAsync("EXISTS", None, Link.Key(key))) == 1;

    private protected static EmbedShard Shard(int index = 0) => new(Slide, "fine", index, index * 10, 10, "key") { Run = "r" };

    private protected static TaskCompletionSource Signal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
