using System.CommandLine;
using SlideMesh.Cli.Display;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Runs;
using SlideMesh.Mesh.Telemetry;
using SlideMesh.Prediction;
using SlideMesh.Reporting;
using SlideMesh.Reporting.Heatmaps;
using SlideMesh.Slides.OpenSlide;

namespace SlideMesh.Cli.Commands;

/// <summary><c>slidemesh run</c>: slides in; predictions, features, heatmaps and reports out.</summary>
internal sealed class RunCommand
{
    private readonly InputOptions _inputs = new();

    private readonly ProcessingOptions _processing = new();

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

    private readonly EngineOptions _engines = new();

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

    public static Command Create()
    {
        RunCommand run = new();
        Command command = new("run", $"Slides in; grade, TMB and origin out, with features, heatmaps and reports. Resumes where an earlier run stopped.\n{ExitCode.Help}");
        run.AddSpecificationTo(command);
        run._processing.AddTo(command);
        run._engines.AddTo(command);
        run._tissue.AddTo(command);
        command.SetAction(run.RunAsync);
        return command;
    }

    /// <summary>Inputs, where results go, and what they are to hold.</summary>
    internal void AddSpecificationTo(Command command)
    {
        _inputs.AddTo(command);
        _processing.AddOutputTo(command);
        foreach (Option option in (Option[])[_omics, _models, _write, _colours, _topTiles])
        {
            command.Options.Add(option);
        }
    }

    /// <summary>What else decides on the results, or on how the work is cut, for a verb that computes elsewhere.</summary>
    internal void AddCuttingTo(Command command)
    {
        _processing.AddCuttingTo(command);
        _tissue.AddTo(command);
    }

    internal InputOptions Inputs => _inputs;

    internal string? ReadOmics(ParseResult parsed) => parsed.GetValue(_omics);

    internal IReadOnlyList<ModelPackage> ReadPackages(ParseResult parsed) => Packages(parsed.GetValue(_models) ?? []);

    /// <summary>Whether the user said how many slides may be worked on at once.</summary>
    internal bool NamesSlidesInFlight(ParseResult parsed) => _processing.NamesSlidesInFlight(parsed);

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        RunOptions options = ReadOptions(parsed);
        IReadOnlyList<CohortEntry> cohort = _inputs.Read(parsed, options.OutputRoot);
        _ = OpenSlideSource.LibraryVersion;
        using EngineSet engines = _engines.Open(parsed);
        ResolvedPipeline pipeline = PipelineResolver.Resolve(Packages(parsed.GetValue(_models) ?? []), engines.First);
        using OtlpExport export = OtlpExport.Start(SoftwareVersion.Current);

        return await _processing.RunAsync(
            parsed,
            new RunRequest(options, cohort, pipeline, engines.First, parsed.GetValue(_omics)) { MoreDevices = engines.Others },
            (outcomes, _) => ResultTable.Write(outcomes, pipeline.Packages.Any(p => p.Manifest.Synthetic), options.OutputRoot, Console.Out),
            warn: null,
            cancellation).ConfigureAwait(false);
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
        RunOptions processing = _processing.Read(parsed, RunVerb.Run);
        string colours = parsed.GetValue(_colours)!;
        Require(ColourMap.Find(colours) is not null, $"--colours '{colours}' is not one of viridis, jet, coolwarm");
        return _tissue.Apply(parsed, processing) with
        {
            DefaultMicronsPerPixel = _inputs.ReadDefaultMpp(parsed),
            Write = Formats(parsed.GetValue(_write), ExtraFormats.Stamp, ExtraFormats.WsInfer, ExtraFormats.ClamPt),
            ColourMap = colours,
            TopTiles = ProcessingOptions.AtLeast(0, parsed.GetValue(_topTiles), "--top-tiles"),
        };
    }

    /// <param name="known">What this verb can write.</param>
    internal static ExtraFormats Formats(string[]? named, params ExtraFormats[] known)
    {
        ExtraFormats all = ExtraFormats.None;
        foreach (string name in (named ?? []).SelectMany(w => w.Split(',', StringSplitOptions.RemoveEmptyEntries)))
        {
            ExtraFormats format = name switch
            {
                "stamp" => ExtraFormats.Stamp,
                "wsinfer" => ExtraFormats.WsInfer,
                "clam-pt" => ExtraFormats.ClamPt,
                _ => ExtraFormats.None,
            };
            Require(
                format != ExtraFormats.None && known.Contains(format),
                $"--write '{name}' is not one of {string.Join(", ", known.Select(k => k == ExtraFormats.WsInfer ? "wsinfer" : KebabCase.Of(k)))}");
            all |= format;
        }

        return all;
    }

    private static void Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new CommandException(otherwise);
        }
    }
}
