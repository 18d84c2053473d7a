using SlideMesh.Inference.Batching;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Inference.Tests.Batching;

public sealed class BatchSizeFinderTests
{
    private static readonly TileGraph Graph = new("stub", "pixels", "value", 2, 1, new Normalisation([0, 0, 0], [1, 1, 1]));

    [Fact]
    public void Search_ends_where_the_device_has_no_memory()
    {
        using StubSession session = new()
        {
            Failure = firsts => firsts.Length > 8 ? new InferenceException("out of memory") { IsOutOfMemory = true } : null,
        };

        BatchSizeChoice choice = BatchSizeFinder.Find(Graph, session, parallelism: 1, memoryLimitBytes: 1L << 40, TimeSpan.FromMinutes(1));

        Assert.Equal("memory", choice.StoppedBy);
        Assert.Equal([2, 4, 8], choice.Trials.Select(t => t.BatchSize));
        Assert.Contains(choice.BatchSize, choice.Trials.Select(t => t.BatchSize));
    }

    [Fact]
    public void Search_ends_at_the_memory_limit()
    {
        using StubSession session = new();

        BatchSizeChoice choice = BatchSizeFinder.Find(Graph, session, parallelism: 1, memoryLimitBytes: 1, TimeSpan.FromMinutes(1));

        Assert.Equal(("memory", 2), (choice.StoppedBy, choice.BatchSize));
    }

    [Fact]
    public void Choice_is_the_smallest_size_within_three_per_cent_of_the_best()
    {
        BatchSizeTrial[] trials = [new(1, 50), new(2, 90), new(4, 98), new(8, 100), new(16, 99)];

        Assert.Equal(4, BatchSizeFinder.Choose(trials));
    }

    [Fact]
    public void Search_ends_between_trials_at_cancellation()
    {
        using CancellationTokenSource cancellation = new();
        using StubSession session = new();
        session.Failure = firsts =>
        {
            if (firsts.Length == 4)
            {
                cancellation.Cancel();
            }

            return null;
        };

        Assert.Throws<OperationCanceledException>(() => BatchSizeFinder.Find(Graph, session, 1, 1L << 40, TimeSpan.FromMinutes(1), cancellation.Token));
        Assert.Equal(4, session.Runs.Max());
    }

    [Fact]
    public void First_run_that_fails_is_reported()
    {
        using StubSession session = new() { Failure = _ => new InferenceException("broken") };

        Assert.Throws<InferenceException>(() => BatchSizeFinder.Find(Graph, session, 1, 1L << 40, TimeSpan.FromMinutes(1)));
    }
}
