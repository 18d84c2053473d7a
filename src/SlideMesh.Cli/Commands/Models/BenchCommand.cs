using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using SlideMesh.Cli.Display;
using SlideMesh.Inference.Batching;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.LibTorch;
using SlideMesh.Inference.Packages;
using SlideMesh.Models.Packaging;
using SlideMesh.Prediction;
using SlideMesh.Prediction.Bags;
using SlideMesh.Prediction.Omics;

namespace SlideMesh.Cli.Commands.Models;

/// <summary><c>slidemesh model bench</c>: tiles or bags per second and memory, by batch or bag size.</summary>
internal static class BenchCommand
{
    private const int LeastRuns = 3;

    private static readonly TimeSpan LeastTime = TimeSpan.FromSeconds(2);

    public static Command Create()
    {
        Argument<string> package = new("package") { Description = "Folder or name of a package." };
        Option<int[]> batch = new("--batch")
        {
            Description = "Tiles in a batch (models of pixels; default 1 8 32) or in a bag (heads; default 1000 10000).",
            AllowMultipleArgumentsPerToken = true,
            HelpName = "n",
        };
        Option<int?> threads = new("--threads") { Description = "Threads that a graph computes with. Default: one per core for pixels; one for heads, as in a run.", HelpName = "n" };
        Option<bool> once = new("--once") { Description = "One run of each size, planning of memory and all: for the memory, not the speed. Not for engines that run several batches at a time." };
        Command command = new("bench", $"Measure a package on this machine: tiles or bags per second, memory. Medians of at least {LeastRuns} runs.\n{ExitCode.Help}") { package, batch, threads, once };
        EngineOptions engine = new();
        engine.AddTo(command);
        command.SetAction((parsed, cancellation) =>
        {
            using EngineSet engines = engine.Open(parsed);
            return Task.FromResult(Run(parsed.GetValue(package)!, parsed.GetValue(batch) ?? [], parsed.GetValue(threads), parsed.GetValue(once), engines.First, cancellation));
        });
        return command;
    }

    private static int Run(string reference, int[] sizes, int? threads, bool once, IInferenceEngine engine, CancellationToken cancellation)
    {
        if (sizes.Any(size => size < 1) || threads < 1)
        {
            throw new CommandException("--batch and --threads take whole numbers of at least 1");
        }

        ModelPackage package = PackageCatalog.Default().Load([reference]) is [var one] ? one : throw new CommandException($"{reference} holds several packages; name one");
        if (package.Kind == ModelKind.FusionHead)
        {
            throw new CommandException($"{package.Name} is a fusion head: it runs once a slide in microseconds, there is nothing to measure");
        }

        PackageCheck.Graphs(package, engine);
        int used = threads ?? (package.TakesPixels ? Environment.ProcessorCount : 1);
        Console.Out.WriteLine($"{package.Name} on {engine.Description}, {engine.Device}, {used} threads");
        if (package.TakesPixels)
        {
            BenchTiles(package, engine, sizes.Length > 0 ? sizes : [1, 8, 32], used, once, cancellation);
        }
        else
        {
            BenchBags(package, engine, sizes.Length > 0 ? sizes : [1000, 10_000], used, once, cancellation);
        }

        return ExitCode.Success;
    }

    private static void BenchTiles(ModelPackage package, IInferenceEngine engine, int[] batches, int threads, bool once, CancellationToken cancellation)
    {
        // libtorch takes several batches at a time, each on one thread or on the GPU: as in a run.
        using IInferenceSession session = engine.Load(package, GraphRole.Tile, engine is LibTorchEngine ? 1 : threads);
        if (session is ITileSession tiles)
        {
            BenchBytes(package, tiles, batches, threads, cancellation);
            return;
        }

        TextTable table = new("batch", "tiles/s", "ms a batch", "peak memory so far, MiB");
        GraphSpec graph = package.Manifest.Graphs[GraphRole.Tile];
        int edge = package.Manifest.Tile!.SizePx;
        foreach (int batch in batches.Order())
        {
            TensorView input = new(graph.Inputs[0].Name, ProbeInput.Numbers(3L * batch * edge * edge), [batch, 3, edge, edge]);
            (double seconds, _) = Median(() => session.Run([input], [graph.Outputs[0].Name]), once, cancellation);
            table.Add($"{batch}", Number(batch / seconds), Number(seconds * 1000), $"{PeakMebibytes()}");
        }

        table.Write(Console.Out);
    }

    /// <summary>Tiles as bytes in memory, several batches at a time: what the engine does when reading costs nothing.</summary>
    private static void BenchBytes(ModelPackage package, ITileSession session, int[] batches, int threads, CancellationToken cancellation)
    {
        TextTable table = new("batch", "tiles/s", "at once", "ms copy in", "ms compute", "ms copy out", "device busy", "memory, MiB");
        TensorSpec output = package.Manifest.Graphs[GraphRole.Tile].Outputs[0];
        FeatureStream stream = new(package.Name, package.Name, package.Manifest.Tile!, (int)output.Shape[1]);
        TileGraph graph = TileGraph.Of(package, stream) with { TakesBytes = true };
        foreach (int batch in batches.Order())
        {
            TileRate rate = TileThroughput.Measure(graph, session, batch, threads, LeastTime, cancellation);
            TileRunTimings run = rate.Run!.Value;
            long memory = session.Memory is { } device ? (device.TotalBytes - device.FreeBytes) >> 20 : PeakMebibytes();
            table.Add(
                $"{batch}", Number(rate.TilesPerSecond), $"{rate.Loops}", Number(run.CopyIn * 1000), Number(run.Compute * 1000), Number(run.CopyOut * 1000),
                rate.BusyShare is double busy ? string.Create(CultureInfo.InvariantCulture, $"{busy * 100:0} %") : "-", $"{memory}");
        }

        table.Write(Console.Out);
    }

    private static void BenchBags(ModelPackage package, IInferenceEngine engine, int[] bags, int threads, bool once, CancellationToken cancellation)
    {
        TextTable table = new("tiles in a bag", "bags/s", "ms a bag", "CPU ms a bag", "peak memory so far, MiB");
        int width = package.Manifest.Encoder!.Dimension;
        FeatureStream stream = new("bench", package.Manifest.Encoder.Name, package.Manifest.Tile!, width);
        ResolvedPipeline pipeline = new([package], [stream], new Dictionary<string, string> { [package.Name] = stream.Id });
        using SlidePredictor predictor = new(pipeline, engine, threads);
        CaseContext context = Case(predictor.OmicsFeatures);
        foreach (int tiles in bags.Order())
        {
            float[] features = ProbeInput.Numbers((long)tiles * width);
            Dictionary<string, IFeatureBag> bag = new() { [stream.Id] = new ArrayFeatureBag(width, features, new long[2 * tiles], (1, 1)) };
            (double seconds, double cpu) = Median(() => predictor.Predict(bag, context, cancellation), once, cancellation);
            table.Add($"{tiles}", Number(1 / seconds), Number(seconds * 1000), Number(cpu * 1000), $"{PeakMebibytes()}");
        }

        table.Write(Console.Out);
    }

    /// <summary>A case with some number for each omics feature that the package takes.</summary>
    private static CaseContext Case(IReadOnlyList<string> omics)
    {
        float[] numbers = ProbeInput.Numbers(omics.Count);
        return omics.Count == 0
            ? CaseContext.Unknown
            : CaseContext.Unknown with { Omics = CaseOmics.Found(OmicsRow.Of("bench", Enumerable.Range(0, omics.Count).ToDictionary(i => omics[i], i => (double)numbers[i]))) };
    }

    /// <summary>Median seconds of a run, and CPU seconds on average, the first one left out, which plans memory, unless it is to be the only one.</summary>
    private static (double Seconds, double CpuSeconds) Median(Action run, bool once, CancellationToken cancellation)
    {
        if (!once)
        {
            run();
        }

        List<double> seconds = [];
        TimeSpan cpu = Environment.CpuUsage.TotalTime;
        long begin = Stopwatch.GetTimestamp();
        do
        {
            cancellation.ThrowIfCancellationRequested();
            long start = Stopwatch.GetTimestamp();
            run();
            seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        while (!once && (seconds.Count < LeastRuns || Stopwatch.GetElapsedTime(begin) < LeastTime));

        double cpuSeconds = (Environment.CpuUsage.TotalTime - cpu).TotalSeconds / seconds.Count;
        seconds.Sort();
        return (seconds[seconds.Count / 2], cpuSeconds);
    }

    private static long PeakMebibytes()
    {
        using Process self = Process.GetCurrentProcess();
        return self.PeakWorkingSet64 >> 20;
    }

    private static string Number(double value) => value.ToString("0.###", CultureInfo.InvariantCulture);
}
