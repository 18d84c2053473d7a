using SlideMesh.Mesh.Engine;
using SlideMesh.Mesh.Messages;
using SlideMesh.Mesh.Redis;
using SlideMesh.Reporting.Tables;

namespace SlideMesh.Mesh.Tests.Redis;

/// <summary>What the stages took, on whatever nodes: each message counts once, with the delivery that completed it.</summary>
[Collection(WithRedis.Name)]
public sealed class StageTimesTests(RedisServer server) : NodesOnRedis(server)
{
    [Fact]
    public async Task Times_of_all_nodes_are_summed_by_slide_and_stage_until_the_run_is_closed()
    {
        await SubmitAsync();
        RedisEngine desk = await NodeAsync("desk");
        RedisEngine first = await NodeAsync("first");
        RedisEngine second = await NodeAsync("second");
        TaskCompletionSource<IReadOnlyList<TimingRow>> table = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource closed = Signal();
        int tries = 0;
        desk.OnTell(ActorKind.Coordinator, 1, async (message, token) =>
        {
            desk.Timings.Add(message.Slide, "plan", null, TimeSpan.FromMilliseconds(7), null);
            // A delivery that fails and is tried again counts nothing.
            if (Interlocked.Increment(ref tries) == 1)
            {
                throw new IOException("the store is away");
            }

            await HandOutAsync(desk, 4, token);
        });
        foreach (RedisEngine node in (RedisEngine[])[first, second])
        {
            node.OnWork(1, async (shard, token) =>
            {
                node.Timings.Add(shard.Slide, "read", shard.Stream, TimeSpan.FromMicroseconds(1500), 10);
                node.Timings.Add(shard.Slide, "wait-for-slot", shard.Stream, TimeSpan.FromMicroseconds(1), 10);
                await node.CompleteAsync(shard.Slide, shard.Stream, shard.Index, token);
            });
        }

        desk.OnTell(ActorKind.Aggregator, 1, async (message, token) =>
        {
            if (message is FinishRun)
            {
                table.TrySetResult([.. (await Board.TimesAsync("r", token)).Rows]);
                await desk.SettleAsync(LuaScript.Close, token, "r", "");
                closed.TrySetResult();
                return;
            }

            desk.Timings.Add(message.Slide, "merge", "fine", TimeSpan.FromSeconds(2), 40);
            await desk.SettleAsync(LuaScript.End, token, "r", "a", "done", "0");
        });
        foreach (RedisEngine node in (RedisEngine[])[desk, first, second])
        {
            await node.StartAsync(None);
        }

        Assert.Equal(
            [
                new TimingRow("a", "merge", "fine", TimeSpan.FromSeconds(2), 40),
                new TimingRow("a", "plan", null, TimeSpan.FromMilliseconds(7), null),
                new TimingRow("a", "read", "fine", TimeSpan.FromMilliseconds(6), 40),
                new TimingRow("a", "wait-for-slot", "fine", TimeSpan.FromMicroseconds(4), 40),
            ],
            await table.Task.WaitAsync(Patience));
        await closed.Task.WaitAsync(Patience);
        Assert.Empty((await Board.TimesAsync("r", None)).Rows);
        Assert.False(await ExistsAsync("times:r"));
    }

    [Fact]
    public async Task Completion_that_comes_late_or_twice_adds_no_time()
    {
        await SubmitAsync();
        RedisEngine sender = await NodeAsync("sender");
        await HandOutAsync(sender, 2, None);
        string[] late = await ClaimAsync("default", "late/1");
        Assert.Equal("ok", await CallAsync(LuaScript.Release, ["default", .. late]));
        string[] heir = await ClaimAsync("default", "heir/1");
        Assert.Equal(late[2], heir[2]);

        Assert.Equal("stale", await CallAsync(LuaScript.Finish, ["default", .. late, "fine:0", "read", "fine", 1_000_000, 10]));
        Assert.Equal("ok", await CallAsync(LuaScript.Finish, ["default", .. heir, "fine:0", "read", "fine", 2_000_000, 10]));
        Assert.Equal("stale", await CallAsync(LuaScript.Finish, ["default", .. heir, "fine:0", "read", "fine", 2_000_000, 10]));
        Assert.Equal([new TimingRow("a", "read", "fine", TimeSpan.FromSeconds(2), 10)], (await Board.TimesAsync("r", None)).Rows);
    }

    [Fact]
    public async Task Shard_that_is_made_again_after_its_slide_was_planned_anew_adds_no_time()
    {
        await SubmitAsync();
        RedisEngine sender = await NodeAsync("sender");
        for (int round = 0; round < 2; round++)
        {
            string[] plan = await ClaimAsync("coordinator", "desk/1");
            await HandOutAsync(sender, 1, None);
            Assert.Equal("ok", await CallAsync(LuaScript.Finish, ["coordinator", .. plan, ""]));
            Assert.Equal("ok", await CallAsync(LuaScript.Finish, ["default", .. await ClaimAsync("default", "worker/1"), "fine:0", "read", "fine", 3_000_000, 10]));
            Assert.Equal("ok", await CallAsync(LuaScript.Anew, ["r", "a", "aggregator", .. await ClaimAsync("aggregator", "desk/1")]));
        }

        Assert.Equal([new TimingRow("a", "read", "fine", TimeSpan.FromSeconds(3), 10)], (await Board.TimesAsync("r", None)).Rows);
    }

    [Fact]
    public async Task Times_of_one_slide_stay_bounded_and_a_run_that_nobody_submitted_has_none()
    {
        await SubmitAsync();
        object[] many = [.. Enumerable.Range(0, 300).SelectMany(i => new object[] { $"stage{i}", "", 5, "" })];
        Assert.Equal("ok", await CallAsync(LuaScript.Finish, ["coordinator", .. await ClaimAsync("coordinator", "desk/1"), "", .. many]));
        Assert.Equal(256, (await Board.TimesAsync("r", None)).Rows.Count());

        RedisEngine sender = await NodeAsync("sender");
        await sender.TellAsync(ActorKind.Coordinator, new PlanSlide(Slide) { Run = "other" }, None);
        Assert.Equal("ok", await CallAsync(LuaScript.Finish, ["coordinator", .. await ClaimAsync("coordinator", "desk/1"), "", .. many]));
        Assert.False(await ExistsAsync("times:other"));
    }
}
