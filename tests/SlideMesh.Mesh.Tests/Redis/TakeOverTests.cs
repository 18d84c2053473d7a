using System.Collections.Concurrent;
using System.Diagnostics;
using SlideMesh.Mesh.Cluster;
using SlideMesh.Mesh.Engine;
using SlideMesh.Mesh.Messages;
using SlideMesh.Mesh.Redis;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Tests.Redis;

/// <summary>Several nodes on one Redis: silence, late voices, deaths, order of service.</summary>
[Collection(WithRedis.Name)]
public sealed class TakeOverTests(RedisServer server) : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Lease = TimeSpan.FromMilliseconds(600);
    /// <summary>As a stopped process: it holds its work and its next heartbeat never comes.</summary>
    private static readonly TimeSpan Silent = TimeSpan.FromDays(1);

    private static readonly CancellationToken None = CancellationToken.None;

    private readonly RedisSettings _settings = server.NewSettings();
    private readonly List<IAsyncDisposable> _open = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (IAsyncDisposable open in Enumerable.Reverse(_open))
        {
            await open.DisposeAsync();
        }
    }

    [Fact]
    public async Task Work_of_a_node_that_fell_silent_is_done_elsewhere_and_its_late_completion_is_refused()
    {
        RedisEngine lost = await NodeAsync("lost", Silent);
        TaskCompletionSource begun = Signal();
        TaskCompletionSource goOn = Signal();
        TaskCompletionSource<Exception?> late = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lost.OnWork(1, async (shard, _) =>
        {
            begun.TrySetResult();
            await goOn.Task;
            late.TrySetResult(await Record.ExceptionAsync(async () => await lost.CompleteAsync(shard.Slide, shard.Stream, shard.Index, None)));
        });
        await lost.StartAsync(None);
        RedisEngine sender = await NodeAsync("sender");
        TaskCompletionSource<int> told = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await sender.ExpectAsync(new SlideId("a"), "plan", 1, ActorKind.Aggregator, new AggregateSlide(new SlideId("a")), None);
        await sender.SubmitAsync(Shard("a"), None);
        await begun.Task.WaitAsync(Patience);

        int aggregated = 0;
        RedisEngine heir = await NodeAsync("heir");
        heir.OnWork(1, async (shard, token) => await heir.CompleteAsync(shard.Slide, shard.Stream, shard.Index, token));
        heir.OnTell(ActorKind.Aggregator, 1, (_, _) =>
        {
            told.TrySetResult(Interlocked.Increment(ref aggregated));
            return Task.CompletedTask;
        });
        await heir.StartAsync(None);
        await told.Task.WaitAsync(Patience);
        goOn.SetResult();

        Assert.IsType<ClaimLostException>(await late.Task.WaitAsync(Patience));
        Assert.Equal(1, aggregated);
    }

    [Fact]
    public async Task Holder_is_cancelled_once_its_message_passed_on()
    {
        RedisEngine lost = await NodeAsync("lost", lease: 5 * Lease);
        TaskCompletionSource begun = Signal();
        TaskCompletionSource cancelled = Signal();
        lost.OnTell(ActorKind.Coordinator, 1, async (_, token) =>
        {
            begun.TrySetResult();
            try
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, token);
            }
            finally
            {
                cancelled.TrySetResult();
            }
        });
        await lost.StartAsync(None);
        await lost.TellAsync(ActorKind.Coordinator, new PlanSlide(new SlideId("a")), None);
        await begun.Task.WaitAsync(Patience);

        RedisEngine heir = await NodeAsync("heir");
        TaskCompletionSource took = Signal();
        heir.OnTell(ActorKind.Coordinator, 1, (_, _) =>
        {
            took.TrySetResult();
            return Task.CompletedTask;
        });
        await heir.StartAsync(None);
        await took.Task.WaitAsync(Patience);
        // At its next heartbeat, the late one learns of it.
        await cancelled.Task.WaitAsync(Patience);
    }

    [Theory]
    [InlineData(true, 3, 20)]
    [InlineData(false, 20, 3)]
    public async Task Message_that_crashes_three_nodes_or_was_lost_with_as_many_as_are_allowed_is_quarantined(bool crashed, int deaths, int losses)
    {
        RedisEngineOptions bounds = new() { Node = "", MaximumDeaths = deaths, MaximumLosses = losses };
        TaskCompletionSource<FailSlide> failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ConcurrentBag<string> victims = [];
        RedisEngine watcher = await NodeAsync("watcher", options: bounds);
        RunBoard board = new(watcher.Link);
        watcher.OnTell(ActorKind.Aggregator, 1, (message, _) =>
        {
            failed.TrySetResult((FailSlide)message);
            return Task.CompletedTask;
        });
        await watcher.StartAsync(None);
        await watcher.SubmitAsync(Shard("poison"), None);
        for (int i = 0; i < 3; i++)
        {
            // The same name again, as of a pod that is restarted in its place, and another life.
            RedisEngine victim = await NodeAsync("victim", Silent, bounds with { Life = $"life{i}" });
            TaskCompletionSource taken = Signal();
            victim.OnWork(1, (_, token) =>
            {
                victims.Add(victim.Options.Life);
                taken.TrySetResult();
                return Task.Delay(Timeout.InfiniteTimeSpan, token);
            });
            await victim.StartAsync(None);
            await taken.Task.WaitAsync(Patience);
            if (crashed)
            {
                await board.CrashedAsync("victim", $"life{i}", "signal 11", None);
            }
        }

        FailSlide message = await failed.Task.WaitAsync(Patience);
        Assert.Equal("quarantined", message.Reason);
        Assert.Equal("poison", message.Slide.Value);
        Assert.StartsWith(crashed ? "3 nodes crashed" : "3 nodes were lost", message.Detail, StringComparison.Ordinal);
        Assert.Equal(["life0", "life1", "life2"], victims.Order());
        Assert.Equal(0, watcher.QueuedWork);
    }

    [Fact]
    public async Task Node_that_vanished_counts_no_death_against_its_message()
    {
        // One death would be enough.
        RedisEngineOptions strict = new() { Node = "", MaximumDeaths = 1 };
        RedisEngine lost = await NodeAsync("lost", Silent, strict);
        TaskCompletionSource begun = Signal();
        lost.OnWork(1, (_, token) =>
        {
            begun.TrySetResult();
            return Task.Delay(Timeout.InfiniteTimeSpan, token);
        });
        await lost.StartAsync(None);
        await lost.SubmitAsync(Shard("a"), None);
        await begun.Task.WaitAsync(Patience);

        RedisEngine heir = await NodeAsync("heir", options: strict);
        TaskCompletionSource<(int, int)> swept = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource done = Signal();
        heir.Swept = (_, taken, quarantined) => swept.TrySetResult((taken, quarantined));
        heir.OnWork(1, (_, _) =>
        {
            done.TrySetResult();
            return Task.CompletedTask;
        });
        await heir.StartAsync(None);
        Assert.Equal((1, 0), await swept.Task.WaitAsync(Patience));
        await done.Task.WaitAsync(Patience);
    }

    [Fact]
    public async Task Coordinator_lost_after_its_last_shard_costs_no_shard_of_the_set_that_is_being_aggregated()
    {
        RedisEngine lost = await NodeAsync("lost", Silent);
        RunBoard board = new(lost.Link);
        SlideId slide = new("a");
        Assert.Equal("ok", await board.SubmitAsync(OrderOfServiceTests.Specification("r", RunPriority.Normal, ["a"], window: 1), None));
        async Task HandOutAsync(RedisEngine node)
        {
            await node.ExpectAsync(slide, "plan", 5, ActorKind.Aggregator, new AggregateSlide(slide), None);
            for (int i = 0; i < 5; i++)
            {
                await node.SubmitAsync(Shard("a", i) with { Place = i + 1 }, None);
            }
        }

        lost.OnTell(ActorKind.Coordinator, 1, async (_, token) =>
        {
            await HandOutAsync(lost);
            await Task.Delay(Timeout.InfiniteTimeSpan, token);
        });
        await lost.StartAsync(None);
        RedisEngine heir = await NodeAsync("heir");
        int performed = 0;
        TaskCompletionSource again = Signal();
        TaskCompletionSource ended = Signal();
        heir.OnWork(2, async (shard, token) =>
        {
            Interlocked.Increment(ref performed);
            await heir.CompleteAsync(slide, shard.Stream, shard.Index, token);
        });
        heir.OnTell(ActorKind.Coordinator, 1, async (_, _) =>
        {
            await HandOutAsync(heir);
            again.TrySetResult();
        });
        heir.OnTell(ActorKind.Aggregator, 1, async (message, token) =>
        {
            if (message is FinishRun)
            {
                ended.TrySetResult();
                return;
            }

            await again.Task.WaitAsync(Patience, token);
            await heir.SettleAsync(LuaScript.End, token, "r", "a", "done", "0");
        });
        await heir.StartAsync(None);
        await ended.Task.WaitAsync(Patience);

        RunStatus status = (await board.StatusAsync("r", None))!;
        Assert.Equal((1, 5), (status.Done, status.Shards));
        Assert.Equal(5, performed);
    }

    [Fact]
    public async Task Drained_node_hands_back_what_it_holds_and_nobody_counts_a_death()
    {
        RedisEngine leaving = await NodeAsync("leaving", Silent);
        TaskCompletionSource begun = Signal();
        leaving.OnWork(1, (_, token) =>
        {
            begun.TrySetResult();
            return Task.Delay(Timeout.InfiniteTimeSpan, token);
        });
        await leaving.StartAsync(None);
        await leaving.SubmitAsync(Shard("a"), None);
        await begun.Task.WaitAsync(Patience);
        await leaving.DrainAsync(TimeSpan.FromMilliseconds(50));
        Assert.Equal(0, leaving.QueuedWork);
        await leaving.DisposeAsync();
        Assert.Equal(1, leaving.QueuedWork);

        // One death or loss would be enough here.
        RedisEngine next = await NodeAsync("next", options: new RedisEngineOptions { Node = "", MaximumDeaths = 1, MaximumLosses = 1 });
        TaskCompletionSource<EmbedShard> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        next.OnWork(1, (shard, _) =>
        {
            done.TrySetResult(shard);
            return Task.CompletedTask;
        });
        await next.StartAsync(None);
        Assert.Equal(0, (await done.Task.WaitAsync(Patience)).Attempt);
    }

    [Fact]
    public async Task Draining_node_takes_nothing_new()
    {
        RedisEngine leaving = await NodeAsync("leaving");
        int taken = 0;
        leaving.OnWork(1, (_, _) =>
        {
            Interlocked.Increment(ref taken);
            return Task.CompletedTask;
        });
        await leaving.StartAsync(None);
        await leaving.DrainAsync(TimeSpan.Zero);
        await leaving.SubmitAsync(Shard("a"), None);
        RedisEngine other = await NodeAsync("other");
        TaskCompletionSource done = Signal();
        other.OnWork(1, (_, _) =>
        {
            done.TrySetResult();
            return Task.CompletedTask;
        });
        await other.StartAsync(None);
        await done.Task.WaitAsync(Patience);
        Assert.Equal(0, taken);
    }

    [Fact]
    public async Task Straggler_is_run_a_second_time_and_the_first_result_wins()
    {
        RedisEngineOptions hasty = new() { Node = "", Straggler = TimeSpan.FromMilliseconds(300) };
        RedisEngine slow = await NodeAsync("slow", options: hasty);
        TaskCompletionSource begun = Signal();
        TaskCompletionSource goOn = Signal();
        TaskCompletionSource<Exception?> late = new(TaskCreationOptions.RunContinuationsAsynchronously);
        slow.OnWork(1, async (shard, _) =>
        {
            begun.TrySetResult();
            await goOn.Task;
            late.TrySetResult(await Record.ExceptionAsync(async () => await slow.CompleteAsync(shard.Slide, shard.Stream, shard.Index, None)));
        });
        await slow.StartAsync(None);
        int told = 0;
        TaskCompletionSource complete = Signal();
        RedisEngine quick = await NodeAsync("quick", options: hasty);
        quick.OnWork(1, async (shard, token) => await quick.CompleteAsync(shard.Slide, shard.Stream, shard.Index, token));
        quick.OnTell(ActorKind.Aggregator, 1, (_, _) =>
        {
            Interlocked.Increment(ref told);
            complete.TrySetResult();
            return Task.CompletedTask;
        });
        await slow.ExpectAsync(new SlideId("a"), "plan", 1, ActorKind.Aggregator, new AggregateSlide(new SlideId("a")), None);
        await slow.SubmitAsync(Shard("a"), None);
        await begun.Task.WaitAsync(Patience);
        await quick.StartAsync(None);

        await complete.Task.WaitAsync(Patience);
        goOn.SetResult();
        Assert.IsType<ClaimLostException>(await late.Task.WaitAsync(Patience));
        Assert.Equal(1, told);
    }

    [Fact]
    public async Task Redis_that_was_away_for_longer_than_the_lease_makes_nobody_a_dead_node()
    {
        using RedisServer own = new();
        RedisLink link = await RedisLink.ConnectAsync(own.NewSettings());
        _open.Add(link);
        // One loss would quarantine.
        RedisEngine engine = new(link, new RedisEngineOptions { Node = "node", Lease = Lease, MaximumDeaths = 1, MaximumLosses = 1 });
        _open.Add(engine);
        List<string> told = [];
        TaskCompletionSource begun = Signal();
        TaskCompletionSource goOn = Signal();
        TaskCompletionSource done = Signal();
        engine.Swept = (_, taken, quarantined) => told.Add($"{taken} taken, {quarantined} quarantined");
        engine.OnWork(1, async (shard, token) =>
        {
            begun.TrySetResult();
            await goOn.Task;
            await engine.CompleteAsync(shard.Slide, shard.Stream, shard.Index, token);
            done.TrySetResult();
        });
        await engine.StartAsync(None);
        await engine.SubmitAsync(Shard("a"), None);
        await begun.Task.WaitAsync(Patience);
        own.Kill();
        await Task.Delay(3 * Lease);
        own.Start();
        // Long enough for several sweeps: the claim must live through them.
        await Task.Delay(4 * Lease);
        goOn.SetResult();
        await done.Task.WaitAsync(Patience);
        Assert.Empty(told);
    }

    [Fact]
    public async Task Redis_killed_and_restarted_loses_no_message()
    {
        using RedisServer own = new();
        RedisLink link = await RedisLink.ConnectAsync(own.NewSettings());
        _open.Add(link);
        RedisEngine engine = new(link, new RedisEngineOptions { Node = "node" });
        _open.Add(engine);
        ConcurrentDictionary<int, int> done = new();
        TaskCompletionSource some = Signal();
        TaskCompletionSource all = Signal();
        TaskCompletionSource goOn = Signal();
        engine.OnWork(2, async (shard, token) =>
        {
            if (shard.Index >= 40)
            {
                some.TrySetResult();
                await goOn.Task;
            }

            await engine.CompleteAsync(shard.Slide, shard.Stream, shard.Index, token);
            done.AddOrUpdate(shard.Index, 1, (_, n) => n + 1);
        });
        engine.OnTell(ActorKind.Aggregator, 1, (_, _) =>
        {
            all.TrySetResult();
            return Task.CompletedTask;
        });
        await engine.ExpectAsync(new SlideId("a"), "plan", 100, ActorKind.Aggregator, new AggregateSlide(new SlideId("a")), None);
        for (int i = 0; i < 100; i++)
        {
            await engine.SubmitAsync(Shard("a", i), None);
        }

        await engine.StartAsync(None);
        await some.Task.WaitAsync(Patience);
        own.Kill();
        goOn.SetResult();
        own.Start();
        await all.Task.WaitAsync(Patience);
        Assert.Equal(0, engine.QueuedWork);
    }

    [Fact]
    public async Task Trace_goes_from_the_sender_through_coordinator_and_shard_to_the_aggregator()
    {
        using ActivityListener listener = new()
        {
            ShouldListenTo = source => source.Name.StartsWith("SlideMesh.Mesh", StringComparison.Ordinal),
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
        };
        ActivitySource.AddActivityListener(listener);
        using ActivitySource submission = new("SlideMesh.Mesh.Test");
        RedisEngine node = await NodeAsync("node");
        ConcurrentDictionary<string, string> traces = new();
        TaskCompletionSource merged = Signal();
        SlideId slide = new("a");
        node.OnTell(ActorKind.Coordinator, 1, async (_, token) =>
        {
            traces["coordinator"] = Activity.Current!.TraceId.ToHexString();
            await node.ExpectAsync(slide, "plan", 1, ActorKind.Aggregator, new AggregateSlide(slide), token);
            await node.SubmitAsync(Shard("a"), token);
        });
        node.OnWork(1, async (shard, token) =>
        {
            traces["shard"] = Activity.Current!.TraceId.ToHexString();
            await node.CompleteAsync(shard.Slide, shard.Stream, shard.Index, token);
        });
        node.OnTell(ActorKind.Aggregator, 1, (_, _) =>
        {
            traces["aggregator"] = Activity.Current!.TraceId.ToHexString();
            merged.TrySetResult();
            return Task.CompletedTask;
        });
        await node.StartAsync(None);
        string sent;
        using (Activity submitted = submission.StartActivity("submit")!)
        {
            sent = submitted.TraceId.ToHexString();
            await node.TellAsync(ActorKind.Coordinator, new PlanSlide(slide), None);
        }

        await merged.Task.WaitAsync(Patience);
        Assert.Equal([sent], traces.Values.Distinct());
        Assert.Equal(3, traces.Count);
    }

    [Fact]
    public async Task Work_of_the_last_node_of_a_pool_is_taken_back_by_nodes_of_other_pools()
    {
        RedisLink link = await RedisLink.ConnectAsync(_settings);
        _open.Add(link);
        RunBoard board = new(link);
        Assert.Equal("ok", await board.SubmitAsync(OrderOfServiceTests.Specification("r", RunPriority.Normal, ["a"], window: 1) with { Pool = "gpu" }, None));
        RedisEngine last = await NodeAsync("last", Silent, new RedisEngineOptions { Node = "last", Pool = "gpu" });
        TaskCompletionSource begun = Signal();
        TaskCompletionSource never = Signal();
        last.OnWork(1, (_, token) =>
        {
            begun.TrySetResult();
            return never.Task.WaitAsync(token);
        });
        await last.StartAsync(None);
        await last.SubmitAsync(Shard("a", run: "r"), None);
        await begun.Task.WaitAsync(Patience);
        Assert.Equal(0, (await board.CensusOfAllAsync(Lease, [], None)).Pools["gpu"].Waiting);

        RedisEngine other = await NodeAsync("other");
        await other.StartAsync(None);

        Stopwatch clock = Stopwatch.StartNew();
        while ((await board.CensusOfAllAsync(Lease, [], None)).Pools["gpu"].Waiting == 0 && clock.Elapsed < Patience)
        {
            await Task.Delay(20);
        }

        Assert.Equal(1, (await board.CensusOfAllAsync(Lease, [], None)).Pools["gpu"].Waiting);
    }

    private static EmbedShard Shard(string slide, int index = 0, string run = "") => new(new SlideId(slide), "fine", index, index * 10, 10, "key") { Run = run };

    private static TaskCompletionSource Signal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task<RedisEngine> NodeAsync(string name, TimeSpan? lease = null, RedisEngineOptions? options = null)
    {
        RedisLink link = await RedisLink.ConnectAsync(_settings);
        RedisEngine engine = new(link, (options ?? new RedisEngineOptions { Node = name, Straggler = TimeSpan.FromDays(1) }) with { Node = name, Lease = lease ?? Lease });
        _open.Add(link);
        _open.Add(engine);
        return engine;
    }
}
