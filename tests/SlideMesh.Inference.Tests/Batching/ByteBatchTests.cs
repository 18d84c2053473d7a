using SlideMesh.Inference.Batching;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Inference.Tests.Batching;

/// <summary>A batcher in front of a device that takes bytes.</summary>
public sealed class ByteBatchTests
{
    private static readonly TileGraph Graph = new("stub", "pixels", "features", 4, 1, new Normalisation([0, 0, 0], [1, 1, 1]));

    [Fact]
    public async Task Batch_without_room_is_halved_told_and_every_tile_gets_its_row()
    {
        using StubTileSession device = new(roomForRows: 5);
        List<string> notes = [];
        using TileBatcher batcher = new(Graph, device, new TileBatcherOptions { BatchSize = 16, Parallelism = 1, Notes = notes.Add });

        Assert.Equal(Enumerable.Range(0, 50).Select(i => (float)i), await RunAsync(batcher, 50));

        Assert.Equal(4, batcher.Statistics.BatchSize);
        Assert.Equal(
            ["stub: the device has no memory for a batch of 16 tiles; going on with 8", "stub: the device has no memory for a batch of 8 tiles; going on with 4"],
            notes.Distinct());
        Assert.True(device.Trims >= 2, "The device was not asked to give memory back.");
        Assert.Equal(0, batcher.Statistics.FailedTiles);
    }

    [Fact]
    public async Task Runs_have_one_size_whatever_their_tiles_are()
    {
        using StubTileSession device = new(roomForRows: 64);
        using TileBatcher batcher = new(Graph, device, new TileBatcherOptions { BatchSize = 8, Parallelism = 1 });

        Assert.Equal(19, (await RunAsync(batcher, 19)).Length);

        Assert.Equal([8], device.Runs.Distinct());
        Assert.Equal(0.002 * device.Runs.Count, batcher.Statistics.Device.Compute, 6);
    }

    [Fact]
    public void Device_without_room_for_one_tile_fails_its_tiles_with_its_own_text()
    {
        using StubTileSession device = new(roomForRows: 0);
        using TileBatcher batcher = new(Graph, device, new TileBatcherOptions { BatchSize = 4, Parallelism = 1 });

        AggregateException e = Assert.Throws<AggregateException>(() => RunAsync(batcher, 2).Wait(TimeSpan.FromMinutes(2)));

        Assert.Contains("Tried to allocate 2.00 GiB", e.InnerException!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Sizes_beyond_the_device_s_memory_are_not_chosen()
    {
        using StubTileSession device = new(roomForRows: 40);

        BatchSizeChoice choice = BatchSizeFinder.Find(Graph with { TakesBytes = true }, device, parallelism: 1, memoryLimitBytes: 1 << 30, budget: TimeSpan.FromMinutes(1));

        Assert.Equal("memory", choice.StoppedBy);
        Assert.InRange(choice.BatchSize, 16, 32);
    }

    private static async Task<float[]> RunAsync(TileBatcher batcher, int tiles)
    {
        float[] rows = new float[tiles];
        TileGroup group = new();
        for (int i = 0; i < tiles; i++)
        {
            BatchSlot slot = batcher.Acquire(CancellationToken.None);
            byte[] tile = new byte[Graph.InputLength];
            tile[0] = (byte)i;
            slot.Fill(tile);
            slot.Commit(rows.AsMemory(i, 1), group);
        }

        group.Seal();
        batcher.Flush();
        await group.Completion.WaitAsync(TimeSpan.FromMinutes(2));
        return rows;
    }
}
