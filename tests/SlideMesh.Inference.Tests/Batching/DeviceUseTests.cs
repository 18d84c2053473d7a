using SlideMesh.Inference.Batching;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Inference.Tests.Batching;

public sealed class DeviceUseTests
{
    private static readonly TileGraph Graph = new("stub", "pixels", "features", 2, 1, new Normalisation([0, 0, 0], [1, 1, 1]));

    [Fact]
    public void Share_is_of_the_time_since_the_first_run_and_of_all_places()
    {
        Assert.Equal(0.25, new DeviceUse(Seconds(5), Seconds(10), 2).Share, 12);
        Assert.Equal(0, default(DeviceUse).Share);
    }

    [Fact]
    public void Models_on_one_device_add_up_to_its_whole_time_at_most()
    {
        DeviceUse first = new(Seconds(4), Seconds(10), 1);

        Assert.Equal(0.7, DeviceUse.OfOneDevice([first, new(Seconds(3), Seconds(6), 1)]).Share, 12);
        Assert.Equal(1, DeviceUse.OfOneDevice([first, new(Seconds(9), Seconds(9), 1)]).Share);
        Assert.Equal(0, DeviceUse.OfOneDevice([]).Share);
    }

    [Fact]
    public async Task Run_under_way_counts_and_time_without_one_does_not()
    {
        ManualTime time = new();
        using StubSession session = new(held: true);
        using TileBatcher batcher = new(Graph, session, new TileBatcherOptions { BatchSize = 2, Parallelism = 2, OneTileRuns = true }, time);
        Assert.Equal(new DeviceUse(TimeSpan.Zero, TimeSpan.Zero, 2), batcher.Statistics.Use);
        TileGroup group = new();
        BatchSlot slot = batcher.Acquire(default);
        slot.Fill(new byte[12]);
        slot.Commit(new float[1], group);
        group.Seal();
        await session.RunStartedAsync().WaitAsync(Patience);
        time.Advance(Seconds(3));

        Assert.Equal(new DeviceUse(Seconds(3), Seconds(3), 2), batcher.Statistics.Use);
        Assert.Equal(TimeSpan.Zero, batcher.Statistics.Busy);

        session.LetRun(1);
        await group.Completion.WaitAsync(Patience);
        // A run is counted just after its group hears of it, and is under way until then.
        Assert.True(SpinWait.SpinUntil(() => batcher.Statistics.Batches == 1, Patience), "The run was not counted.");
        time.Advance(Seconds(5));

        Assert.Equal(new DeviceUse(Seconds(3), Seconds(8), 2), batcher.Statistics.Use);
    }

    [Fact]
    public async Task On_a_gpu_the_time_in_which_it_computed_counts()
    {
        ManualTime time = new();
        using StubTileSession device = new(roomForRows: 64);
        using TileBatcher batcher = new(Graph, device, new TileBatcherOptions { BatchSize = 2, Parallelism = 3 }, time);
        TileGroup group = new();
        BatchSlot slot = batcher.Acquire(default);
        slot.Fill(new byte[12]);
        slot.Commit(new float[1], group);
        group.Seal();
        batcher.Flush();
        await group.Completion.WaitAsync(Patience);
        Assert.True(SpinWait.SpinUntil(() => batcher.Statistics.Batches == 1, Patience), "The run was not counted.");
        time.Advance(TimeSpan.FromMilliseconds(8));

        // The stub says 2 ms.
        Assert.Equal(new DeviceUse(TimeSpan.FromMilliseconds(2), TimeSpan.FromMilliseconds(8), 1), batcher.Statistics.Use);
    }

    // Far beyond what any of this takes.
    private static TimeSpan Patience => TimeSpan.FromMinutes(2);

    private static TimeSpan Seconds(int seconds) => TimeSpan.FromSeconds(seconds);
}
