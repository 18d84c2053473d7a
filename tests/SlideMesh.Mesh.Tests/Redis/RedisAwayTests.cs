using SlideMesh.Mesh.Messages;
using SlideMesh.Mesh.Redis;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Tests.Redis;

/// <summary>Nodes that start while Redis is away, or cuts them off.</summary>
[Collection(WithRedis.Name)]
public sealed class RedisAwayTests(RedisServer shared)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Node_that_starts_while_redis_is_away_works_and_is_woken_once_it_is_back()
    {
        using RedisServer server = new();
        await using RedisLink link = await RedisLink.ConnectAsync(server.NewSettings());
        server.Kill();
        using CancellationTokenSource late = new(Patience);
        while (link.IsConnected)
        {
            await Task.Delay(10, late.Token);
        }

        await using RedisEngine node = new(link, new RedisEngineOptions { Node = "node" });
        TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        node.OnWork(1, async (shard, token) =>
        {
            await node.CompleteAsync(shard.Slide, shard.Stream, shard.Index, token);
            done.TrySetResult();
        });
        await node.StartAsync(late.Token);
        TaskCompletionSource heard = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Task listening = link.ListenAsync("test", _ => heard.TrySetResult(), late.Token);
        server.Start();
        await listening;
        await node.SubmitAsync(new EmbedShard(new SlideId("a"), "fine", 0, 0, 10, "key"), late.Token);
        await done.Task.WaitAsync(Patience);
        while (!heard.Task.IsCompleted)
        {
            await link.CommandAsync("PUBLISH", late.Token, link.Key("test"), "now");
            await Task.Delay(50, late.Token);
        }
    }

    [Fact]
    public async Task Channel_is_heard_although_the_connection_was_cut_when_it_was_asked_for()
    {
        await using RedisLink link = await RedisLink.ConnectAsync(shared.NewSettings());
        await using RedisLink other = await RedisLink.ConnectAsync(shared.NewSettings());
        using CancellationTokenSource late = new(Patience);
        HashSet<string> silent = [];
        for (int round = 0; round < 30; round++)
        {
            await other.CommandAsync("CLIENT", late.Token, "KILL", "TYPE", "pubsub");
            await Task.Delay(round % 6, late.Token);
            string channel = $"test{round}";
            silent.Add(channel);
            await link.ListenAsync(channel, _ =>
            {
                lock (silent)
                {
                    silent.Remove(channel);
                }
            }, late.Token);
        }

        while (true)
        {
            string[] left;
            lock (silent)
            {
                left = [.. silent];
            }

            if (left.Length == 0)
            {
                break;
            }

            foreach (string channel in left)
            {
                await other.CommandAsync("PUBLISH", late.Token, link.Key(channel), "now");
            }

            await Task.Delay(50, late.Token);
        }
    }
}
