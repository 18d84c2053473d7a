using System.Diagnostics;
using System.Globalization;
using SlideMesh.Mesh.Cluster;
using SlideMesh.Mesh.Engine;
using SlideMesh.Mesh.Messages;
using SlideMesh.Mesh.Redis;
using SlideMesh.Slides;

namespace SlideMesh.Benchmarks;

/// <summary>How long an urgent slide waits for its first handler while a backlog of normal shards keeps a node busy.</summary>
internal static class MeshUrgency
{
    private const int Submitters = 32;

    /// <returns>Exit code; prints <c>backlog tries longest-ms median-ms</c>, from the submission to the coordinator and on to the first shard.</returns>
    public static async Task<int> RunAsync(string redis, int backlog, int tries)
    {
        RedisSettings settings = new() { Address = redis, Namespace = "urgent" + Guid.NewGuid().ToString("N") };
        RedisLink link = await RedisLink.ConnectAsync(settings).ConfigureAwait(false);
        await using var closing = link.ConfigureAwait(false);
        RunBoard board = new(link);
        RedisEngine engine = new(link, new RedisEngineOptions { Node = "node" });
        await using var ending = engine.ConfigureAwait(false);
        TaskCompletionSource<long> begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        engine.OnTell(ActorKind.Coordinator, 1, (message, cancellation) =>
            message.Run == "bulk" ? Task.CompletedTask : engine.SubmitAsync(Shard(message.Slide.Value, 0), cancellation).AsTask());
        engine.OnWork(4, async (shard, cancellation) =>
        {
            if (shard.Run != "bulk")
            {
                begun.TrySetResult(Stopwatch.GetTimestamp());
            }

            await Task.Delay(200, cancellation).ConfigureAwait(false);
        });
        await board.SubmitAsync(Run("bulk", RunPriority.Normal), CancellationToken.None).ConfigureAwait(false);
        await Parallel.ForAsync(0, backlog, new ParallelOptions { MaxDegreeOfParallelism = Submitters }, async (i, cancellation) =>
            await engine.SubmitAsync(Shard("s", i) with { Run = "bulk" }, cancellation).ConfigureAwait(false)).ConfigureAwait(false);
        await engine.StartAsync(CancellationToken.None).ConfigureAwait(false);
        List<double> waits = [];
        for (int i = 0; i < tries; i++)
        {
            await Task.Delay(300).ConfigureAwait(false);
            begun = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
            long submitted = Stopwatch.GetTimestamp();
            await board.SubmitAsync(Run($"now{i}", RunPriority.Urgent), CancellationToken.None).ConfigureAwait(false);
            waits.Add(Stopwatch.GetElapsedTime(submitted, await begun.Task.ConfigureAwait(false)).TotalMilliseconds);
        }

        waits.Sort();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{engine.QueuedWork} {tries} {waits[^1]:0} {waits[waits.Count / 2]:0}"));
        return 0;
    }

    private static EmbedShard Shard(string slide, int index) => new(new SlideId(slide), "fine", index, 0, 256, new string('a', 64));

    private static RunSpecification Run(string id, RunPriority priority) => new()
    {
        Id = id,
        SoftwareVersion = "",
        Engine = "",
        Created = DateTimeOffset.UnixEpoch,
        Priority = priority,
        Pool = "default",
        Out = id,
        Models = [],
        Parameters = new RunParameters { SlidesInFlight = 1 },
        Slides = [new SubmittedSlide("s", "s", "s", "s", "s", null, new Dictionary<string, string>())],
    };
}
