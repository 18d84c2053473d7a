using System.Text.Json;
using SlideMesh.Inference.OnnxRuntime;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Runs;

namespace SlideMesh.Cli.Tests;

/// <summary>A run on two devices, each with batches of its own: two engines on the CPU stand in for two GPUs.</summary>
[Collection(OneAfterAnother.Name)]
public sealed class TwoDevicesTests(Workplace workplace)
{
    [Fact]
    public async Task Two_devices_share_the_shards_and_give_one_device_s_results()
    {
        string output = workplace.NewOutput();
        using OnnxRuntimeEngine first = new();
        using OnnxRuntimeEngine second = new();
        PackageCatalog catalog = PackageCatalog.Default();
        ResolvedPipeline pipeline = PipelineResolver.Resolve(catalog.LoadWithEncoders(catalog.Available()), first);
        RunOptions options = new() { OutputRoot = workplace[output], ShardTiles = 4, Decoders = 2, DeviceThreads = 1 };
        RunRequest request = new(options, CohortReader.FromPaths([workplace["good"]]), pipeline, first, OmicsPath: null) { MoreDevices = [second] };
        RunDriver driver = new(request);
        await using (driver.ConfigureAwait(true))
        {
            await driver.RunAsync(CancellationToken.None);
            long[] tiles = [.. driver.Device!.Devices.Select(d => d.Statistics.Sum(s => s.Tiles))];
            Assert.Equal(2, tiles.Length);
            Assert.All(tiles, count => Assert.True(count > 0, $"A device had no tile: {string.Join(", ", tiles)}."));
        }

        foreach (string slide in Workplace.Good)
        {
            Assert.Equal(Tasks(workplace.Undisturbed, slide), Tasks(workplace.Tree(output), slide));
        }
    }

    private static string Tasks(OutputTree tree, string slide)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(tree.At(Path.Combine("slides", slide, "predictions.json"))));
        return document.RootElement.GetProperty("tasks").GetRawText();
    }
}
