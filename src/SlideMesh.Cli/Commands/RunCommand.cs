using System.CommandLine;
using System.Globalization;
using SlideMesh.Cli.Display;
using SlideMesh.Inference.OnnxRuntime;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Runs;
using SlideMesh.Mesh.Telemetry;
using SlideMesh.Prediction;
using SlideMesh.Reporting;
using SlideMesh.Reporting.Heatmaps;
using SlideMesh.Slides.OpenSlide;
using SlideMesh.Tissue.Quality;

namespace SlideMesh.Cli.Commands;

/// <summary><c>slidemesh run</c>: slides in; predictions, features, heatmaps and reports out.</summary>
internal sealed class RunCommand
{
    private readonly InputOptions _inputs = new();

    private readonly Option<string> _out = new("--out", "-o")
    {
        Description = "Folder for the results. Running the same command again does only what is missing.",
        Required = true,
        HelpName = "folder",
    };

    private readonly Option<string?> _omics = new("--omics")
    {
        Description = "CSV of omics values by case_id, fused with the slides; cases without a row get their slide-only result.",
        HelpName = "omics.csv",
    };

    private readonly Option<string[]> _models = new("--models")
    {
        Description = "Model packages: folders or names (see 'slidemesh models'). Default: every package at hand.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "package",
    };

    private readonly TissueParameters _tissue = new();

    private readonly Option<double> _minTissue = new("--min-tissue")
    {
        Description = "Least share of a tile that must be tissue, 0 to 1.",
        DefaultValueFactory = _ => 0.3,
        HelpName = "share",
    };

    private readonly Option<bool> _excludeBlurred = new("--exclude-blurred") { Description = "Leave blurred tiles out instead of only flagging them." };

    private readonly Option<string[]> _write = new("--write")
    {
        Description = "Also write other tools' files: stamp (fp16 features), wsinfer (tile probabilities), clam-pt (feature tensors).",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "format",
    };

    private readonly Option<string> _colours = new("--colours")
    {
        Description = "Colour map of the heatmaps: viridis, jet, coolwarm.",
        DefaultValueFactory = _ => "viridis",
        HelpName = "map",
    };

    private readonly Option<int> _topTiles = new("--top-tiles") { Description = "Highest and lowest tiles shown per map.", DefaultValueFactory = _ => 8, HelpName = "n" };

    private readonly Option<int?> _decoders = new("--decoders") { Description = "Threads that read tiles. Default: one per core.", HelpName = "n" };

    private readonly Option<int?> _threads = new("--threads") { Description = "Threads that the CPU device computes with. Default: one per core.", HelpName = "n" };

    private readonly Option<int?> _batch = new("--batch-size") { Description = "Tiles per device batch. Default: found by trying.", HelpName = "n" };

    private readonly Option<int> _batchMemory = new("--batch-memory") { Description = "Most memory for batches, MiB.", DefaultValueFactory = _ => 512, HelpName = "MiB" };

    private readonly Option<int> _shard = new("--shard-tiles") { Description = "Tiles per shard: what a killed run computes again at most, per worker.", DefaultValueFactory = _ => 256, HelpName = "n" };

    private readonly Option<int> _inFlight = new("--slides-in-flight") { Description = "Slides worked on at once.", DefaultValueFactory = _ => 4, HelpName = "n" };

    private readonly Option<bool> _json = new("--json") { Description = "Progress and results as JSON lines on standard output." };

    private readonly Option<bool> _quiet = new("--quiet", "-q") { Description = "No progress; the table of results only." };

    public static Command Create()
    {
        RunCommand run = new();
        Command command = new("run", $"Slides in; grade, TMB and origin out, with features, heatmaps and reports. Resumes where an earlier run stopped.\n{ExitCode.Help}");
        run.AddSpecificationTo(command);
        foreach (Option option in (Option[])[run._decoders, run._threads, run._batch, run._batchMemory, run._json, run._quiet])
        {
            command.Options.Add(option);
        }

        command.SetAction(run.RunAsync);
        return command;
    }

    /// <summary>Inputs and what decides on the results, without how this machine computes them.</summary>
    internal void AddSpecificationTo(Command command)
    {
        _inputs.AddTo(command);
        foreach (Option option in (Option[])[_out, _omics, _models, _minTissue, _excludeBlurred, _write, _colours, _topTiles, _shard, _inFlight])
        {
            command.Options.Add(option);
        }

        _tissue.AddTo(command);
    }

    internal InputOptions Inputs => _inputs;

    internal string? ReadOmics(ParseResult parsed) => parsed.GetValue(_omics);

    internal IReadOnlyList<ModelPackage> ReadPackages(ParseResult parsed) => Packages(parsed.GetValue(_models) ?? []);

    /// <summary>Whether the user said how many slides may be worked on at once.</summary>
    internal bool NamesSlidesInFlight(ParseResult parsed) => parsed.GetResult(_inFlight) is { Implicit: false };

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        RunOptions options = ReadOptions(parsed);
        IReadOnlyList<CohortEntry> cohort = _inputs.Read(parsed, options.OutputRoot);
        _ = OpenSlideSource.LibraryVersion;
        using OnnxRuntimeEngine engine = new();
        ResolvedPipeline pipeline = PipelineResolver.Resolve(Packages(parsed.GetValue(_models) ?? []), engine);
        using OtlpExport export = OtlpExport.Start(SoftwareVersion.Current);

        IReadOnlyList<SlideOutcome> outcomes;
        RunDriver driver = new(new RunRequest(options, cohort, pipeline, engine, parsed.GetValue(_omics)));
        await using (driver.ConfigureAwait(false))
        {
            foreach (string warning in driver.Warnings)
            {
                Console.Error.WriteLine($"slidemesh: note: {warning}");
            }

            IRunDisplay display = parsed.GetValue(_json) ? new JsonDisplay(Console.Out)
                : parsed.GetValue(_quiet) ? new QuietDisplay()
                : TerminalDisplay.IsTerminal ? new TerminalDisplay(Console.Error)
                : new PlainDisplay(Console.Error);
            try
            {
                outcomes = await display.FollowAsync(driver, cancellation).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                ProgressLine.WriteStopped(driver.Progress.Snapshot(), Console.Error);
                return ExitCode.Interrupted;
            }
        }

        if (!parsed.GetValue(_json))
        {
            ResultTable.Write(outcomes, pipeline.Packages.Any(p => p.Manifest.Synthetic), options.OutputRoot, Console.Out);
        }

        return Verdict(outcomes);
    }

    internal static int Verdict(IReadOnlyList<SlideOutcome> outcomes)
    {
        SlideOutcome[] failed = [.. outcomes.Where(o => o.Summary.State is SlideState.Failed or SlideState.Quarantined)];
        return failed.Length == 0 ? ExitCode.Success
            : failed.Any(o => o.Summary.Reason is "output-full" or "output-not-writable") ? ExitCode.OutputUnusable
            : ExitCode.SomeFailed;
    }

    private static IReadOnlyList<ModelPackage> Packages(string[] named)
    {
        PackageCatalog catalog = PackageCatalog.Default();
        IReadOnlyList<ModelPackage> packages = catalog.LoadWithEncoders(named.Length > 0 ? named : catalog.Available());
        return packages.Count > 0
            ? packages
            : throw new CommandException($"no model package at hand; name one with --models or set {PackageCatalog.Variable}");
    }

    internal RunOptions ReadOptions(ParseResult parsed)
    {
        string output = parsed.GetValue(_out)!;
        Require(!string.IsNullOrWhiteSpace(output), "--out is empty; name a folder");
        string colours = parsed.GetValue(_colours)!;
        Require(ColourMap.Find(colours) is not null, $"--colours '{colours}' is not one of viridis, jet, coolwarm");
        double share = parsed.GetValue(_minTissue);
        Require(share is >= 0 and <= 1, string.Create(CultureInfo.InvariantCulture, $"--min-tissue {share} lies outside of 0 to 1"));
        return new RunOptions
        {
            OutputRoot = output,
            DefaultMicronsPerPixel = _inputs.ReadDefaultMpp(parsed),
            Tissue = _tissue.Read(parsed),
            MinTissueShare = share,
            Quality = new QualityThresholds { ExcludeBlurred = parsed.GetValue(_excludeBlurred) },
            Write = (parsed.GetValue(_write) ?? []).SelectMany(w => w.Split(',', StringSplitOptions.RemoveEmptyEntries)).Aggregate(ExtraFormats.None, (all, one) => all | Format(one)),
            ColourMap = colours,
            TopTiles = AtLeast(0, parsed.GetValue(_topTiles), "--top-tiles"),
            Decoders = parsed.GetValue(_decoders) is int decoders ? AtLeast(1, decoders, "--decoders") : null,
            DeviceThreads = parsed.GetValue(_threads) is int threads ? AtLeast(1, threads, "--threads") : null,
            BatchSize = parsed.GetValue(_batch) is int batch ? AtLeast(1, batch, "--batch-size") : null,
            // Not an option of every verb that describes a run.
            BatchMemoryBytes = (long)AtLeast(16, parsed.GetResult(_batchMemory) is { } memory ? memory.GetValueOrDefault<int>() : 512, "--batch-memory") << 20,
            ShardTiles = AtLeast(1, parsed.GetValue(_shard), "--shard-tiles"),
            SlidesInFlight = AtLeast(1, parsed.GetValue(_inFlight), "--slides-in-flight"),
        };
    }

    private static ExtraFormats Format(string name) => name switch
    {
        "stamp" => ExtraFormats.Stamp,
        "wsinfer" => ExtraFormats.WsInfer,
        "clam-pt" => ExtraFormats.ClamPt,
        _ => throw new CommandException($"--write '{name}' is not one of stamp, wsinfer, clam-pt"),
    };

    private static int AtLeast(int least, int value, string option)
    {
        Require(value >= least, string.Create(CultureInfo.InvariantCulture, $"{option} {value} is less than {least}"));
        return value;
    }

    private static void Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new CommandException(otherwise);
        }
    }
}
