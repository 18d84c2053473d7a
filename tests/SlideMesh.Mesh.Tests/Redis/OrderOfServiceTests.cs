using SlideMesh.Mesh.Cluster;
using SlideMesh.Mesh.Messages;
using SlideMesh.Mesh.Redis;
using SlideMesh.Slides;
using SlideMesh.Tissue;

namespace SlideMesh.Mesh.Tests.Redis;

/// <summary>Whose message is served next, asked of the scripts themselves.</summary>
[Collection(WithRedis.Name)]
#pragma warning disable CA1001 // xunit's own asynchronous disposal ends them.
public sealed class OrderOfServiceTests(RedisServer server) : IAsyncLifetime
#pragma warning restore CA1001
{
    private static readonly CancellationToken None = CancellationToken.None;

    private readonly RedisSettings _settings = server.NewSettings();
    private RedisLink _link = null!;
    private RedisEngine _sender = null!;
    private RunBoard _board = null!;

    public async Task InitializeAsync()
    {
        _link = await RedisLink.ConnectAsync(_settings);
        _sender = new RedisEngine(_link, new RedisEngineOptions { Node = "sender" });
        _board = new RunBoard(_link);
    }

    public async Task DisposeAsync()
    {
        await _sender.DisposeAsync();
        await _link.DisposeAsync();
    }

    [Fact]
    public async Task Runs_of_one_class_take_turns()
    {
        await RunAsync("first", RunPriority.Normal, shards: 6);
        await RunAsync("second", RunPriority.Normal, shards: 6);
        string[] served = [.. (await ClaimAsync(12)).Select(c => c.Run)];

        Assert.Equal(3, served.Take(6).Count(r => r == "first"));
        Assert.Equal(12, served.Length);
    }

    [Fact]
    public async Task Urgent_is_served_before_normal_and_normal_before_research()
    {
        await RunAsync("slow", RunPriority.Research, shards: 3);
        await RunAsync("usual", RunPriority.Normal, shards: 3);
        await RunAsync("now", RunPriority.Urgent, shards: 3);

        Assert.Equal(["now", "now", "now", "usual", "usual", "usual", "slow", "slow", "slow"], (await ClaimAsync(9)).Select(c => c.Run));
    }

    [Fact]
    public async Task Research_that_waited_long_enough_comes_before_urgent()
    {
        await RunAsync("slow", RunPriority.Research, shards: 2);
        await Task.Delay(50);
        await RunAsync("now", RunPriority.Urgent, shards: 4);

        // A class a millisecond: two classes and more have passed.
        string[] served = [.. (await ClaimAsync(3, aging: TimeSpan.FromMilliseconds(1))).Select(c => c.Run)];
        Assert.Equal("slow", served[0]);
        Assert.Contains("now", served);
    }

    [Fact]
    public async Task Node_gets_shards_of_the_slide_that_it_has_open_and_others_spread_over_the_slides()
    {
        foreach (string slide in (string[])["a", "b", "c"])
        {
            for (int i = 0; i < 4; i++)
            {
                await _sender.SubmitAsync(Shard(slide, i, ""), None);
            }
        }

        Assert.Equal(["c", "c", "c"], (await ClaimAsync(3, open: "- c")).Select(c => c.Slide));
        Assert.Equal(["a", "b", "c"], (await ClaimAsync(3)).Select(c => c.Slide).Order());
    }

    [Fact]
    public async Task Shard_that_came_back_goes_before_the_slides_that_a_node_has_open()
    {
        await _sender.SubmitAsync(Shard("returned", 0, ""), None);
        string[] claim = RedisLink.Strings(((StackExchange.Redis.RedisResult[])await _link.CallAsync(LuaScript.Claim, None, "default", "leaving/1", 1, 1L << 40))[0]);
        for (int i = 0; i < 3; i++)
        {
            await _sender.SubmitAsync(Shard("open", i, ""), None);
        }

        Assert.Equal("ok", (string)await _link.CallAsync(LuaScript.Release, None, "default", claim[0], claim[1], claim[2], claim[3]));
        Assert.Equal(["returned", "open", "open", "open"], (await ClaimAsync(4, open: "- open")).Select(c => c.Slide));
    }

    [Fact]
    public async Task Paused_run_is_not_served_and_does_not_count_as_backlog()
    {
        await RunAsync("held", RunPriority.Normal, shards: 5);
        Assert.Equal(5, _sender.QueuedWork);
        Assert.Equal("ok", await _board.PauseAsync("held", None));
        await _sender.SubmitAsync(Shard("s", 5, "held"), None);
        Assert.Empty(await ClaimAsync(10));
        Assert.Equal(0, _sender.QueuedWork);

        Assert.Equal("ok", await _board.ResumeAsync("held", None));
        Assert.Equal(6, _sender.QueuedWork);
        Assert.Equal(6, (await ClaimAsync(10)).Length);
        Assert.Equal(0, _sender.QueuedWork);
    }

    [Fact]
    public async Task Cancelled_run_leaves_nothing_to_claim_but_its_end()
    {
        await RunAsync("gone", RunPriority.Normal, shards: 5);
        (string Run, string Slide)[] held = await ClaimAsync(1);
        Assert.Single(held);
        Assert.Equal("ok", await _board.CancelAsync("gone", None));

        Assert.Empty(await ClaimAsync(10));
        Assert.Empty(await ClaimAsync(10, pool: "coordinator"));
        Assert.Equal([("gone", ".run")], await ClaimAsync(10, pool: "aggregator"));
        Assert.Equal("cancelled", await _board.CancelAsync("gone", None));
        Assert.Equal("cancelled", (await _board.StatusAsync("gone", None))!.State);
        Assert.Equal("unknown", await _board.CancelAsync("never", None));
    }

    [Fact]
    public async Task Slides_of_a_run_are_let_in_up_to_its_window_and_submitting_again_changes_nothing()
    {
        RunSpecification run = Specification("wide", RunPriority.Normal, [.. Enumerable.Range(0, 10).Select(i => $"s{i}")], window: 3);
        Assert.Equal("ok", await _board.SubmitAsync(run, None));
        Assert.Equal("exists", await _board.SubmitAsync(run, None));
        Assert.Equal("busy:wide", await _board.SubmitAsync(run with { Id = "other" }, None));

        Assert.Equal(["s0", "s1", "s2"], (await ClaimAsync(10, pool: "coordinator")).Select(c => c.Slide));
        RunStatus status = (await _board.StatusAsync("wide", None))!;
        Assert.Equal((10, 3, 0), (status.Slides, status.InFlight, status.Done));
    }

    /// <summary>A run of one slide <c>s</c> with shards that wait.</summary>
    private async Task RunAsync(string name, RunPriority priority, int shards)
    {
        Assert.Equal("ok", await _board.SubmitAsync(Specification(name, priority, ["s"], window: 4), None));
        for (int i = 0; i < shards; i++)
        {
            await _sender.SubmitAsync(Shard("s", i, name), None);
        }
    }

    private static EmbedShard Shard(string slide, int index, string run) => new(new SlideId(slide), "fine", index, index * 10, 10, "key") { Run = run };

    internal static RunSpecification Specification(string id, RunPriority priority, string[] slides, int window) => new()
    {
        Id = id,
        SoftwareVersion = "1",
        Engine = "none",
        Created = DateTimeOffset.UnixEpoch,
        Priority = priority,
        Pool = "default",
        Out = "out-" + id.Replace("other", "wide", StringComparison.Ordinal),
        Models = [],
        Parameters = new RunParameters { SlidesInFlight = window, Tissue = new TissueOptions() },
        Slides = [.. slides.Select(s => new SubmittedSlide(s, s, s, s, s, null, new Dictionary<string, string>()))],
    };

    private async Task<(string Run, string Slide)[]> ClaimAsync(int count, string pool = "default", TimeSpan? aging = null, params string[] open)
    {
        StackExchange.Redis.RedisResult[] claims = (StackExchange.Redis.RedisResult[])await _link.CallAsync(
            LuaScript.Claim, None, [pool, "node", count, (long)(aging ?? TimeSpan.FromHours(1)).TotalMicroseconds, .. open]);
        return [.. claims.Select(c => RedisLink.Strings(c)).Select(c => (c[0], c[1]))];
    }
}
