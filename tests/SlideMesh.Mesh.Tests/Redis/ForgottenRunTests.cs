using SlideMesh.Mesh.Cluster;
using SlideMesh.Mesh.Redis;
using SlideMesh.Mesh.Runs;
using SlideMesh.Reporting;
using SlideMesh.Reporting.OutputStore;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Tests.Redis;

/// <summary>Redis forgets runs that have ended, whole and no others; the store answers for them.</summary>
[Collection(WithRedis.Name)]
public sealed class ForgottenRunTests(RedisServer server) : NodesOnRedis(server)
{
    private static readonly RunSpecification TwoSlides = OrderOfServiceTests.Specification("r", RunPriority.Normal, ["a", "b"], window: 1) with
    {
        SoftwareVersion = SoftwareVersion.Current,
    };

    [Fact]
    public async Task Run_that_ended_leaves_nothing_behind_and_other_runs_everything()
    {
        Assert.Equal("ok", await Board.SubmitAsync(OrderOfServiceTests.Specification("s", RunPriority.Normal, ["a"], window: 1), None));
        await SubmitAsync();
        Assert.Equal("kept", await Board.EraseAsync("r", TimeSpan.Zero, None));
        // The oldest run of a class is served first.
        Assert.Equal("s", (await ClaimAsync("coordinator", "desk/1"))[0]);
        await EndAsync("a", "failed");
        await CloseAsync();
        await Link.CommandAsync("HSET", None, Link.Key("quarantine"), "r a", "{}", "rr a", "{}");
        string[] others = await KeysAsync("s");
        Assert.NotEmpty(others);

        Assert.Equal("kept", await Board.EraseAsync("r", TimeSpan.FromHours(1), None));
        Assert.NotEmpty(await KeysAsync("r"));
        Assert.Equal("ok", await Board.EraseAsync("r", TimeSpan.Zero, None));
        Assert.Equal("unknown", await Board.EraseAsync("r", TimeSpan.Zero, None));
        Assert.Empty(await KeysAsync("r"));
        Assert.Equal(others, await KeysAsync("s"));
        Assert.Equal(["s"], await Board.RunsAsync(None));
        Assert.Equal(["rr a"], (await Board.QuarantineAsync(None)).Keys);
        Assert.Null(await Board.StatusAsync("r", None));
        await SubmitAsync();
    }

    [Fact]
    public async Task Cancelled_run_leaves_nothing_behind_either()
    {
        await SubmitAsync();
        RedisEngine sender = await NodeAsync("sender");
        string[] plan = await ClaimAsync("coordinator", "desk/1");
        await HandOutAsync(sender, 1, None);
        Assert.Equal("ok", await CallAsync(LuaScript.Finish, ["coordinator", .. plan, ""]));
        Assert.Equal("ok", await CallAsync(LuaScript.Finish, ["default", .. await ClaimAsync("default", "worker/1"), "fine:0"]));
        Assert.Equal("ok", await CallAsync(LuaScript.Anew, ["r", "a", "aggregator", .. await ClaimAsync("aggregator", "desk/1")]));
        Assert.True(await ExistsAsync("had:r:a"));
        Assert.Equal("ok", await Board.CancelAsync("r", None));
        Assert.Equal("kept", await Board.EraseAsync("r", TimeSpan.Zero, None));
        await CloseAsync();

        Assert.Equal("ok", await Board.EraseAsync("r", TimeSpan.Zero, None));
        Assert.Empty(await KeysAsync("r"));
    }

    [Fact]
    public async Task Run_that_is_paused_or_tried_again_is_kept_however_old_it_is()
    {
        await SubmitAsync();
        Assert.Equal("ok", await Board.PauseAsync("r", None));
        Assert.Equal("kept", await Board.EraseAsync("r", TimeSpan.Zero, None));
        Assert.Equal("ok", await Board.ResumeAsync("r", None));
        await EndAsync("a", "failed");
        Assert.Equal("kept", await Board.EraseAsync("r", TimeSpan.Zero, None));
        await CloseAsync();
        Assert.Equal(1, await Board.RetryAsync("r", failedOnly: true, None));
        Assert.Equal("kept", await Board.EraseAsync("r", TimeSpan.Zero, None));
        Assert.Equal("ok", await Board.PauseAsync("r", None));
        Assert.Equal("kept", await Board.EraseAsync("r", TimeSpan.Zero, None));
        Assert.Equal("ok", await Board.ResumeAsync("r", None));
        await EndAsync("a", "done");
        await CloseAsync();
        Assert.Equal("ok", await Board.EraseAsync("r", TimeSpan.Zero, None));
    }

    [Fact]
    public async Task Run_is_forgotten_only_when_the_store_says_how_it_ended()
    {
        using TemporaryFolder folder = new();
        ClusterStore store = ClusterStore.Open(folder.Root);
        store.Write(TwoSlides);
        await SubmitAsync();
        await EndAsync("a", "done");
        await CloseAsync();
        Assert.Empty(await RunMemory.ForgetAsync(store, Board, TimeSpan.Zero, DateTimeOffset.UtcNow, None));
        store.WriteEnd("r", new RunEnd("done", 1, 0, 0));
        Assert.Empty(await RunMemory.ForgetAsync(store, Board, TimeSpan.FromHours(1), DateTimeOffset.UtcNow, None));
        Assert.Equal(["r"], await RunMemory.ForgetAsync(store, Board, TimeSpan.Zero, DateTimeOffset.UtcNow, None));
        Assert.Empty(await Recovery.RunAsync(store, Board, None));
        Assert.Empty(await Board.RunsAsync(None));
    }

    [Fact]
    public async Task Forgotten_run_is_told_of_by_the_store_and_tried_again_where_it_failed()
    {
        using TemporaryFolder folder = new();
        ClusterStore store = ClusterStore.Open(folder.Root);
        store.Write(TwoSlides);
        RunEnd end = new("done", 1, 1, 0);
        store.WriteEnd("r", end);
        AtomicFile.WriteText(new SlideFolder(store.OutputRoot(TwoSlides), new SlideId("a")).Predictions, "{}");
        store.WriteFailure("r", Failure("b"));
        ForgottenRun told = ForgottenRun.TryRead(store, "r")!;
        Assert.Equal(("done", 2, 1, 1, true), (told.Status.State, told.Status.Slides, told.Status.Done, told.Status.Failed, told.Status.IsClosed));
        Assert.Equal([("a", "done"), ("b", "failed")], told.States.OrderBy(s => s.Key).Select(s => (s.Key, s.Value)));

        // Another run in its folder: nothing happens, and the store still knows the end.
        Assert.Equal("ok", await Board.SubmitAsync(TwoSlides with { Id = "other" }, None));
        await Assert.ThrowsAsync<OutputException>(() => RunRetry.RunAsync(store, Board, "r", failedOnly: true, None));
        Assert.Equal(end, store.ReadEnd("r"));
        await Board.CancelAsync("other", None);
        await CloseAsync("other");

        Assert.Equal(1, await RunRetry.RunAsync(store, Board, "r", failedOnly: true, None));
        Assert.Null(store.ReadEnd("r"));
        RunStatus status = (await Board.StatusAsync("r", None))!;
        Assert.Equal(("running", 2, 1, 0), (status.State, status.Slides, status.Done, status.Failed));
        await EndAsync("b", "done");
        await CloseAsync();
        status = (await Board.StatusAsync("r", None))!;
        Assert.Equal(("done", 2, 0, true), (status.State, status.Done, status.Failed, status.IsClosed));
    }

    [Fact]
    public async Task Run_whose_retry_finds_nothing_to_try_stays_ended()
    {
        using TemporaryFolder folder = new();
        ClusterStore store = ClusterStore.Open(folder.Root);
        store.Write(TwoSlides);
        RunEnd end = new("done", 2, 0, 0);
        store.WriteEnd("r", end);
        AtomicFile.WriteText(new SlideFolder(store.OutputRoot(TwoSlides), new SlideId("a")).Predictions, "{}");
        AtomicFile.WriteText(new SlideFolder(store.OutputRoot(TwoSlides), new SlideId("b")).Predictions, "{}");
        Assert.Equal(0, await RunRetry.RunAsync(store, Board, "r", failedOnly: true, None));
        Assert.Equal(end, store.ReadEnd("r"));
        Assert.Empty(await Board.RunsAsync(None));

        await SubmitAsync();
        await EndAsync("a", "done");
        await CloseAsync();
        Assert.Equal(0, await RunRetry.RunAsync(store, Board, "r", failedOnly: true, None));
        Assert.Equal(end, store.ReadEnd("r"));
        Assert.Equal(0, await RunRetry.SlideAsync(store, Board, "r", Slide, None));
        Assert.Equal(end, store.ReadEnd("r"));
        Assert.Equal(1, await RunRetry.RunAsync(store, Board, "r", failedOnly: false, None));
        Assert.Null(store.ReadEnd("r"));
    }

    [Fact]
    public async Task Run_of_another_version_is_not_tried_again()
    {
        using TemporaryFolder folder = new();
        ClusterStore store = ClusterStore.Open(folder.Root);
        store.Write(TwoSlides with { SoftwareVersion = "0.0.1" });
        store.WriteEnd("r", new RunEnd("done", 1, 1, 0));
        OutputException refused = await Assert.ThrowsAsync<OutputException>(() => RunRetry.RunAsync(store, Board, "r", failedOnly: false, None));
        Assert.Contains("0.0.1", refused.Message, StringComparison.Ordinal);
        Assert.NotNull(store.ReadEnd("r"));
    }

    [Fact]
    public async Task Cancelled_run_whose_failed_slide_is_tried_again_ends_without_its_pending_ones()
    {
        Assert.Equal("ok", await Board.SubmitAsync(TwoSlides, None));
        await EndAsync("a", "failed");
        Assert.Equal("ok", await Board.CancelAsync("r", None));
        await CloseAsync();
        Assert.Equal(1, await Board.RetryAsync("r", failedOnly: true, None));
        await EndAsync("a", "done");
        await CloseAsync();
        Assert.Equal(("done", true), ((await Board.StatusAsync("r", None))!.State, (await Board.StatusAsync("r", None))!.IsClosed));
        Assert.Equal("pending", (await Board.SlidesAsync("r", None))["b"]);
    }

    private static SlideSummary Failure(string slide) => new()
    {
        SoftwareVersion = "1",
        SlideId = slide,
        CaseId = slide,
        Path = slide,
        State = SlideState.Failed,
        Reason = "not-a-slide",
        Detail = "it is none",
    };

    /// <summary>A coordinator ends the slide, as one that finds it finished does.</summary>
    private async Task EndAsync(string slide, string state)
    {
        string[] claim = await ClaimAsync("coordinator", "desk/1");
        Assert.Equal(["r", slide], claim[..2]);
        Assert.Equal("ok", await CallAsync(LuaScript.End, ["r", slide, state, "0", "coordinator", .. claim]));
    }

    /// <summary>An aggregator has written the tables.</summary>
    private async Task CloseAsync(string run = "r")
    {
        string[] claim = await ClaimAsync("aggregator", "desk/1");
        Assert.Equal([run, ".run"], claim[..2]);
        Assert.Equal("ok", await CallAsync(LuaScript.Close, [run, "", "aggregator", .. claim]));
    }

    private async Task<string[]> KeysAsync(string run) =>
    [
        .. RedisLink.Strings(await Link.CommandAsync("KEYS", None, Link.Key("*"))).Where(key => key.Split(':').Contains(run)).Order(StringComparer.Ordinal),
    ];
}
