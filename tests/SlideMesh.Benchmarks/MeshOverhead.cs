using System.Diagnostics;
using System.Globalization;
using SlideMesh.Mesh.Engine;
using SlideMesh.Mesh.Messages;
using SlideMesh.Mesh.Redis;
using SlideMesh.Slides;

namespace SlideMesh.Benchmarks;

/// <summary>
/// The engine on Redis with a stage that does nothing: each shard is submitted, claimed, completed with its set, and the set's last one tells an
/// aggregator, which counts. While it runs, so many shards are submitted as are done: the backlog stays as it is.
/// </summary>
internal static class MeshOverhead
{
    private const int ShardsPerSlide = 1000;
    private const int Submitters = 32;
    private const int Handlers = 128;

    /// <param name="limit">Time after which it stops with as many shards as were done.</param>
    /// <returns>Exit code; prints <c>backlog shards seconds shards/s</c>, sets told, memory, and what a waiting shard takes of Redis'.</returns>
    public static async Task<int> RunAsync(string redis, int backlog, int shards, TimeSpan limit)
    {
        RedisSettings settings = new() { Address = redis, Namespace = "bench" + Guid.NewGuid().ToString("N") };
        RedisLink link = await RedisLink.ConnectAsync(settings).ConfigureAwait(false);
        RedisLink submitting = await RedisLink.ConnectAsync(settings).ConfigureAwait(false);
        await using (link.ConfigureAwait(false))
        await using (submitting.ConfigureAwait(false))
        {
            await MeasureAsync(link, submitting, backlog, shards, limit).ConfigureAwait(false);
        }

        return 0;
    }

    private static async Task MeasureAsync(RedisLink link, RedisLink submitting, int backlog, int shards, TimeSpan limit)
    {
        RedisEngine sender = new(submitting, new RedisEngineOptions { Node = "sender" });
        RedisEngine worker = new(link, new RedisEngineOptions { Node = "worker" });
        await using (sender.ConfigureAwait(false))
        await using (worker.ConfigureAwait(false))
        {
            int total = (backlog + shards + ShardsPerSlide - 1) / ShardsPerSlide * ShardsPerSlide;
            int next = 0;
            int done = 0;
            int told = 0;
            using SemaphoreSlim places = new(backlog, int.MaxValue);
            TaskCompletionSource all = new(TaskCreationOptions.RunContinuationsAsynchronously);
            worker.OnWork(Handlers, async (shard, cancellation) =>
            {
                await worker.CompleteAsync(shard.Slide, shard.Stream, shard.Index, cancellation).ConfigureAwait(false);
                places.Release();
                if (Interlocked.Increment(ref done) == shards)
                {
                    all.SetResult();
                }
            });
            worker.OnTell(ActorKind.Aggregator, 4, (message, cancellation) =>
            {
                Interlocked.Increment(ref told);
                return worker.ForgetAsync(message.Slide, cancellation).AsTask();
            });

            async Task SubmitAsync(CancellationToken cancellation)
            {
                while (true)
                {
                    await places.WaitAsync(cancellation).ConfigureAwait(false);
                    int number = Interlocked.Increment(ref next) - 1;
                    if (number >= total)
                    {
                        return;
                    }

                    SlideId slide = new(string.Create(CultureInfo.InvariantCulture, $"slide-{number / ShardsPerSlide:D6}"));
                    int index = number % ShardsPerSlide;
                    if (index == 0)
                    {
                        await sender.ExpectAsync(slide, "plan", ShardsPerSlide, ActorKind.Aggregator, new AggregateSlide(slide), cancellation).ConfigureAwait(false);
                    }

                    await sender.SubmitAsync(new EmbedShard(slide, "fine", index, index * 256, 256, new string('a', 64)), cancellation).ConfigureAwait(false);
                }
            }

            using CancellationTokenSource stop = new();
            long empty = RedisMemory(link);
            Stopwatch filling = Stopwatch.StartNew();
            Task[] submitters = [.. Enumerable.Range(0, Submitters).Select(_ => SubmitAsync(stop.Token))];
            while (sender.QueuedWork < backlog)
            {
                await Task.Delay(20).ConfigureAwait(false);
            }

            long perShard = (RedisMemory(link) - empty) / backlog;
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {backlog} shards wait after {filling.Elapsed.TotalSeconds:0} s, {perShard} bytes each in redis"));
            Stopwatch clock = Stopwatch.StartNew();
            await worker.StartAsync(CancellationToken.None).ConfigureAwait(false);
            int reported = 0;
            while (await Task.WhenAny(all.Task, Task.Delay(200)).ConfigureAwait(false) != all.Task && clock.Elapsed < limit)
            {
                if (shards >= 1_000_000 && Volatile.Read(ref done) >= reported + 100_000)
                {
                    reported = Volatile.Read(ref done);
                    Console.Error.WriteLine(string.Create(
                        CultureInfo.InvariantCulture,
                        $"  {reported} shards, {reported / clock.Elapsed.TotalSeconds:0} shards/s, process {Environment.WorkingSet >> 20} MiB, redis {RedisMemory(link) >> 20} MiB"));
                }
            }

            double seconds = clock.Elapsed.TotalSeconds;
            int finished = Math.Min(shards, Volatile.Read(ref done));
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{backlog} {finished} {seconds:0.000} {finished / seconds:0} sets {told} process {Environment.WorkingSet >> 20} MiB redis {RedisMemory(link) >> 20} MiB"));
            await stop.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(submitters.Select(s => s.ContinueWith(static _ => { }, TaskScheduler.Default))).ConfigureAwait(false);
        }
    }

    private static long RedisMemory(RedisLink link)
    {
        string info = ((string)link.Database.Execute("INFO", "memory"))!;
        string line = info.Split('\n').First(l => l.StartsWith("used_memory:", StringComparison.Ordinal));
        return long.Parse(line.Split(':')[1], CultureInfo.InvariantCulture);
    }
}
