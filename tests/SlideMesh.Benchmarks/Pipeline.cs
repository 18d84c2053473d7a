using System.Diagnostics;
using System.Globalization;
using SlideMesh.Inference.Batching;
using SlideMesh.Inference.OnnxRuntime;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Runs;

namespace SlideMesh.Benchmarks;

/// <summary>The whole pipeline on one slide: opening, tissue, planning, reading, quality, inference, shards, merge, report.</summary>
internal static class Pipeline
{
    /// <returns>Tiles embedded, and the wall time from the first message to the last file.</returns>
    public static async Task<(int Tiles, double Seconds)> RunAsync(string slide, string package, string output, int batchSize)
    {
        if (Directory.Exists(output))
        {
            Directory.Delete(output, recursive: true);
        }

        using OnnxRuntimeEngine engine = new();
        ResolvedPipeline pipeline = PipelineResolver.Resolve(new PackageCatalog([]).Load([package]), engine);
        RunOptions options = new() { OutputRoot = output, BatchSize = batchSize };
        RunDriver driver = new(new RunRequest(options, CohortReader.FromPaths([slide]), pipeline, engine, OmicsPath: null));
        await using (driver.ConfigureAwait(false))
        {
            Stopwatch clock = Stopwatch.StartNew();
            IReadOnlyList<SlideOutcome> outcomes = await driver.RunAsync(CancellationToken.None).ConfigureAwait(false);
            double seconds = clock.Elapsed.TotalSeconds;
            Explain(driver, output);
            return (outcomes.Single().Summary.Streams.Sum(s => s.Used), seconds);
        }
    }

    private static void Explain(RunDriver driver, string output)
    {
        foreach (BatcherStatistics device in driver.Device!.Statistics)
        {
            double share = device.Busy / (device.Busy + device.Wait);
            Console.Error.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"device: {device.Tiles} tiles in {device.Batches} runs of at most {device.BatchSize}, busy {device.Busy.TotalSeconds:0.00} s, waiting {device.Wait.TotalSeconds:0.00} s ({share:P0} busy)"));
        }

        Console.Error.Write(File.ReadAllText(Path.Combine(output, "timings.csv")));
    }
}
