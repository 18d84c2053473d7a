using SlideMesh.Mesh.Engine;
using SlideMesh.Mesh.Messages;
using SlideMesh.Mesh.Redis;

namespace SlideMesh.Mesh.Tests.Redis;

/// <summary>Nodes that are asked to end at an awkward moment.</summary>
[Collection(WithRedis.Name)]
public sealed class DrainTests(RedisServer server) : NodesOnRedis(server)
{
    [Fact]
    public async Task Drain_that_begins_while_a_claim_is_on_its_way_waits_for_its_message()
    {
        await SubmitAsync();
        for (int round = 0; round < 15; round++)
        {
            RedisEngine node = await NodeAsync($"node{round}");
            int done = 0;
            node.OnTell(ActorKind.Aggregator, 1, async (_, token) =>
            {
                await Task.Delay(50, token);
                Interlocked.Increment(ref done);
            });
            await node.TellAsync(ActorKind.Aggregator, new AggregateSlide(Slide) { Run = "r" }, None);
            await node.StartAsync(None);
            // Given to the node, which may not have heard of it yet.
            using CancellationTokenSource late = new(Patience);
            while (RedisLink.Number(await Link.CommandAsync("ZCARD", late.Token, Link.Key("held:aggregator"))) == 0)
            {
                await Task.Yield();
            }

            await node.DrainAsync(Patience);
            await node.DisposeAsync();
            Assert.Equal(1, done);
            Assert.False(await ExistsAsync("mail:aggregator:r:a"));
        }
    }
}
