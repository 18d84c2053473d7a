using SlideMesh.Mesh.Cluster;
using SlideMesh.Mesh.Engine;
using SlideMesh.Mesh.Messages;
using SlideMesh.Mesh.Redis;

namespace SlideMesh.Mesh.Tests.Redis;

/// <summary>Slides whose aggregator finds no plan beside the shards, and which are planned anew.</summary>
[Collection(WithRedis.Name)]
public sealed class PlannedAnewTests(RedisServer server) : NodesOnRedis(server)
{
    /// <param name="rounds">How often the aggregator finds no plan.</param>
    /// <param name="second">Shards of the plans that follow the first, which has five.</param>
    [Theory]
    [InlineData(1, 5)]
    [InlineData(2, 5)]
    [InlineData(1, 7)]
    public async Task Shards_of_a_slide_that_is_planned_anew_are_made_again_and_counted_once(int rounds, int second)
    {
        await SubmitAsync();
        RedisEngine node = await NodeAsync("node");
        int plans = 0;
        int merges = 0;
        int performed = 0;
        TaskCompletionSource ended = Signal();
        node.OnTell(ActorKind.Coordinator, 1, (_, token) => HandOutAsync(node, Interlocked.Increment(ref plans) == 1 ? 5 : second, token));
        node.OnWork(2, async (shard, token) =>
        {
            Interlocked.Increment(ref performed);
            await node.CompleteAsync(shard.Slide, shard.Stream, shard.Index, token);
        });
        node.OnTell(ActorKind.Aggregator, 1, async (message, token) =>
        {
            if (message is FinishRun)
            {
                ended.TrySetResult();
            }
            else if (Interlocked.Increment(ref merges) <= rounds)
            {
                await node.SettleAsync(LuaScript.Anew, token, "r", "a");
            }
            else
            {
                await node.SettleAsync(LuaScript.End, token, "r", "a", "done", "0");
            }
        });
        await node.StartAsync(None);
        await ended.Task.WaitAsync(Patience);

        RunStatus status = (await Board.StatusAsync("r", None))!;
        Assert.Equal((1, second), (status.Done, status.Shards));
        Assert.Equal((1 + rounds, 1 + rounds, 5 + (rounds * second)), (plans, merges, performed));
        foreach (string kind in (string[])["set", "have", "had"])
        {
            Assert.False(await ExistsAsync($"{kind}:r:a"), kind);
        }
    }

    [Fact]
    public async Task Shards_stay_counted_when_planning_anew_finds_the_slide_published()
    {
        await SubmitAsync();
        RedisEngine node = await NodeAsync("node");
        int plans = 0;
        TaskCompletionSource ended = Signal();
        node.OnTell(ActorKind.Coordinator, 1, async (_, token) =>
        {
            if (Interlocked.Increment(ref plans) == 1)
            {
                await HandOutAsync(node, 5, token);
            }
            else
            {
                await node.SettleAsync(LuaScript.End, token, "r", "a", "done", "0");
            }
        });
        node.OnWork(2, async (shard, token) => await node.CompleteAsync(shard.Slide, shard.Stream, shard.Index, token));
        node.OnTell(ActorKind.Aggregator, 1, async (message, token) =>
        {
            if (message is FinishRun)
            {
                ended.TrySetResult();
            }
            else
            {
                await node.SettleAsync(LuaScript.Anew, token, "r", "a");
            }
        });
        await node.StartAsync(None);
        await ended.Task.WaitAsync(Patience);

        RunStatus status = (await Board.StatusAsync("r", None))!;
        Assert.Equal((1, 5), (status.Done, status.Shards));
        Assert.False(await ExistsAsync("had:r:a"));
    }

    [Fact]
    public async Task Aggregator_that_was_overtaken_has_nothing_planned_anew()
    {
        await SubmitAsync();
        string[] plan = await ClaimAsync("coordinator", "desk/1");
        RedisEngine sender = await NodeAsync("sender");
        await HandOutAsync(sender, 1, None);
        Assert.Equal("ok", await CallAsync(LuaScript.Finish, ["coordinator", .. plan, ""]));
        Assert.Equal("ok", await CallAsync(LuaScript.Finish, ["default", .. await ClaimAsync("default", "worker/1"), "fine:0"]));
        string[] late = await ClaimAsync("aggregator", "late/1");
        Assert.Equal("ok", await CallAsync(LuaScript.Release, ["aggregator", .. late]));
        string[] heir = await ClaimAsync("aggregator", "heir/1");

        Assert.Equal("stale", await CallAsync(LuaScript.Anew, ["r", "a", "aggregator", .. late]));
        Assert.True(await ExistsAsync("set:r:a"));
        Assert.False(await ExistsAsync("mail:coordinator:r:a"));
        Assert.Equal("ok", await CallAsync(LuaScript.Anew, ["r", "a", "aggregator", .. heir]));
        // Sent again because the reply was lost.
        Assert.Equal("stale", await CallAsync(LuaScript.Anew, ["r", "a", "aggregator", .. heir]));
        Assert.False(await ExistsAsync("set:r:a"));
        await ClaimAsync("coordinator", "desk/1");
        Assert.Equal(1, (await Board.StatusAsync("r", None))!.Shards);
    }
}
