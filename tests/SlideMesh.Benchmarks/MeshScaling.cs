using System.Diagnostics;
using System.Globalization;
using SlideMesh.Mesh.Engine;
using SlideMesh.Mesh.Messages;
using SlideMesh.Mesh.Redis;
using SlideMesh.Slides;

namespace SlideMesh.Benchmarks;

/// <summary>
/// Nodes whose stage waits instead of computing, so that few cores can stand for many nodes: each has its own connection and performs
/// one shard at a time. What is lost is what the cluster itself costs.
/// </summary>
internal static class MeshScaling
{
    /// <returns>Exit code; prints <c>nodes shards seconds shards/s share-of-n</c> for each number of nodes.</returns>
    public static async Task<int> RunAsync(string redis, TimeSpan wait, int shardsPerNode)
    {
        double one = 0;
        foreach (int nodes in (int[])[1, 2, 4, 8, 16])
        {
            double seconds = await MeasureAsync(redis, nodes, wait, nodes * shardsPerNode).ConfigureAwait(false);
            double rate = nodes * shardsPerNode / seconds;
            one = nodes == 1 ? rate : one;
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{nodes} {nodes * shardsPerNode} {seconds:0.000} {rate:0.0} {rate / one / nodes:0.000}"));
        }

        return 0;
    }

    private static async Task<double> MeasureAsync(string redis, int nodes, TimeSpan wait, int shards)
    {
        RedisSettings settings = new() { Address = redis, Namespace = "scale" + Guid.NewGuid().ToString("N") };
        List<(RedisEngine Engine, RedisLink Link)> cluster = [];
        TaskCompletionSource all = new(TaskCreationOptions.RunContinuationsAsynchronously);
        int done = 0;
        try
        {
            for (int i = 0; i < nodes; i++)
            {
                RedisLink link = await RedisLink.ConnectAsync(settings).ConfigureAwait(false);
                RedisEngine engine = new(link, new RedisEngineOptions { Node = $"node{i}" });
                cluster.Add((engine, link));
                engine.OnWork(1, async (shard, cancellation) =>
                {
                    await Task.Delay(wait, cancellation).ConfigureAwait(false);
                    await engine.CompleteAsync(shard.Slide, shard.Stream, shard.Index, cancellation).ConfigureAwait(false);
                    if (Interlocked.Increment(ref done) == shards)
                    {
                        all.TrySetResult();
                    }
                });
            }

            for (int i = 0; i < shards; i++)
            {
                await cluster[0].Engine.SubmitAsync(new EmbedShard(new SlideId($"s{i % 8}"), "fine", i / 8, 0, 256, new string('a', 64)), CancellationToken.None).ConfigureAwait(false);
            }

            Stopwatch clock = Stopwatch.StartNew();
            await Task.WhenAll(cluster.Select(node => node.Engine.StartAsync(CancellationToken.None))).ConfigureAwait(false);
            await all.Task.ConfigureAwait(false);
            return clock.Elapsed.TotalSeconds;
        }
        finally
        {
            foreach ((RedisEngine engine, RedisLink link) in cluster)
            {
                await engine.DisposeAsync().ConfigureAwait(false);
                await link.DisposeAsync().ConfigureAwait(false);
            }
        }
    }
}
