using System.CommandLine;
using System.Globalization;
using SlideMesh.Cli.Display;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Features;
using SlideMesh.Mesh.Runs;
using SlideMesh.Mesh.Telemetry;
using SlideMesh.Reporting.Heatmaps;
using SlideMesh.Slides.OpenSlide;
using SlideMesh.Slides.Pyramid;

namespace SlideMesh.Cli.Commands;

/// <summary><c>slidemesh predict</c>: features that exist already in; predictions, maps and reports out.</summary>
internal sealed class PredictCommand
{
    private readonly Argument<string[]> _features = new("features")
    {
        Description = "Folders of features (searched to any depth) or files (.h5, .pt): of 'slidemesh embed' and 'run', CLAM, TRIDENT or STAMP.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly ProcessingOptions _processing = new();

    private readonly EngineOptions _engines = new();

    private readonly Option<string[]> _models = new("--models")
    {
        Description = "Slide heads, tile classifiers and fusion heads: folders or names of packages (see 'slidemesh models'). Their encoder need not be at hand.",
        AllowMultipleArgumentsPerToken = true,
        Required = true,
        HelpName = "package",
    };

    private readonly Option<string?> _manifest = new("--manifest", "-m")
    {
        Description = "CSV with slide_id (or slide) and any of case_id, mpp, omics_id, sex, labels. It names the cohort: features of other slides are left out.",
        HelpName = "cohort.csv",
    };

    private readonly Option<string?> _omics = new("--omics")
    {
        Description = "CSV of omics values by case_id, for fusion heads; cases without a row get their slide-only result.",
        HelpName = "omics.csv",
    };

    private readonly Option<string[]> _slides = new("--slides")
    {
        Description = "Folders with the slides, found by slide id: gives thumbnails, heatmaps over the slide and pictures of tiles.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "folder",
    };

    private readonly Option<string[]> _aliases = new("--encoder-alias")
    {
        Description = "Two names of one encoder, FILE=PACKAGE: features that say they are of 'uni_v1' are taken for package 'uni' with uni_v1=uni.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "name=package",
    };

    private readonly Option<bool> _anyTiles = new("--any-tiles") { Description = "Use features of tiles with another extent than the head was trained on; the results say so." };

    private readonly Option<int?> _tileLevel0 = new("--tile-level0")
    {
        Description = "Edge of a tile in level-0 pixels, for files that do not say (CLAM's h5_files). Default: the distance of neighbouring tiles.",
        HelpName = "px",
    };

    private readonly Option<double?> _defaultMpp = new("--default-mpp")
    {
        Description = "Microns per level-0 pixel of slides for which nobody tells; places STAMP's tiles, which are in um, on the slide.",
        HelpName = "um",
    };

    private readonly Option<string[]> _write = new("--write") { Description = "Also write other tools' files: wsinfer (tile probabilities).", AllowMultipleArgumentsPerToken = true, HelpName = "format" };

    private readonly Option<string> _colours = new("--colours")
    {
        Description = "Colour map of the heatmaps: viridis, jet, coolwarm.",
        DefaultValueFactory = _ => "viridis",
        HelpName = "map",
    };

    private readonly Option<int> _topTiles = new("--top-tiles") { Description = "Highest and lowest tiles shown per map.", DefaultValueFactory = _ => 8, HelpName = "n" };

    public static Command Create()
    {
        PredictCommand predict = new();
        Command command = new("predict", $"""
            Features that exist already in; predictions, attention maps and reports out. Resumes where an earlier run stopped.
            What a file says about its encoder and tiles must fit the heads; what it does not say is taken on trust, and the results say so.
            {ExitCode.Help}
            """);
        command.Arguments.Add(predict._features);
        predict._processing.AddOutputTo(command);
        foreach (Option option in (Option[])
        [
            predict._models, predict._manifest, predict._omics, predict._slides, predict._aliases, predict._anyTiles, predict._tileLevel0,
            predict._defaultMpp, predict._write, predict._colours, predict._topTiles,
        ])
        {
            command.Options.Add(option);
        }

        predict._processing.AddTo(command, reads: false);
        predict._engines.AddTo(command);
        command.SetAction(predict.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        RunOptions options = ReadOptions(parsed);
        string[] inputs = parsed.GetValue(_features) ?? [];
        InputOptions.RefuseUnknown(parsed, inputs);
        string[] slides = parsed.GetValue(_slides) ?? [];
        FeatureCohort cohort = FeatureCohortReader.Read(inputs, parsed.GetValue(_manifest), slides, ReadRules(parsed));
        if (slides.Length > 0)
        {
            _ = OpenSlideSource.LibraryVersion;
        }

        using EngineSet engines = _engines.Open(parsed);
        ResolvedPipeline pipeline = PipelineResolver.ResolveHeads(PackageCatalog.Default().LoadWithKnownEncoders(parsed.GetValue(_models)!), engines.First);
        foreach ((string name, string package) in cohort.Rules.Aliases)
        {
            Require(
                pipeline.Streams.Any(s => s.Package == package),
                $"--encoder-alias {name}={package}: no model wants encoder '{package}'; they want {string.Join(", ", pipeline.Streams.Select(s => s.Package).Distinct())}");
        }

        using OtlpExport export = OtlpExport.Start(SoftwareVersion.Current);

        return await _processing.RunAsync(
            parsed,
            new RunRequest(options, cohort.Slides, pipeline, engines.First, parsed.GetValue(_omics)) { Features = cohort },
            (outcomes, _) => ResultTable.Write(outcomes, pipeline.Packages.Any(p => p.Manifest.Synthetic), options.OutputRoot, Console.Out),
            outcomes => WarnOfTrust(outcomes, Console.Error),
            cancellation).ConfigureAwait(false);
    }

    /// <summary>Once for the cohort; each slide's own results say it too.</summary>
    private static void WarnOfTrust(IReadOnlyList<SlideOutcome> outcomes, TextWriter error)
    {
        int unnamed = outcomes.Count(o => o.Summary.FeatureFiles.Any(f => f.Encoder is null));
        if (unnamed > 0)
        {
            string[] streams = [.. outcomes.SelectMany(o => o.Summary.FeatureFiles).Where(f => f.Encoder is null).Select(f => f.Stream).Distinct().Order(StringComparer.Ordinal)];
            error.WriteLine($"slidemesh: note: the features of {unnamed} of {outcomes.Count} slides do not name their encoder; that they are {string.Join(", ", streams)} is taken on trust");
        }
    }

    private RunOptions ReadOptions(ParseResult parsed)
    {
        string colours = parsed.GetValue(_colours)!;
        Require(ColourMap.Find(colours) is not null, $"--colours '{colours}' is not one of viridis, jet, coolwarm");
        double? mpp = parsed.GetValue(_defaultMpp);
        Require(mpp is null || MicronsPerPixelResolver.IsPlausible(mpp.Value), string.Create(CultureInfo.InvariantCulture, $"--default-mpp {mpp} lies outside of 0.02 to 20 µm per pixel"));
        return _processing.Read(parsed, RunVerb.Predict) with
        {
            DefaultMicronsPerPixel = mpp,
            Write = RunCommand.Formats(parsed.GetValue(_write), ExtraFormats.WsInfer),
            ColourMap = colours,
            TopTiles = ProcessingOptions.AtLeast(0, parsed.GetValue(_topTiles), "--top-tiles"),
        };
    }

    private FeatureRules ReadRules(ParseResult parsed)
    {
        Dictionary<string, string> aliases = new(StringComparer.Ordinal);
        foreach (string alias in parsed.GetValue(_aliases) ?? [])
        {
            string[] names = alias.Split('=');
            Require(names.Length == 2 && names.All(n => n.Trim().Length > 0), $"--encoder-alias '{alias}' is not NAME=PACKAGE, e.g. uni_v1=uni");
            aliases[names[0].Trim()] = names[1].Trim();
        }

        return new FeatureRules
        {
            Aliases = aliases,
            AnyTiles = parsed.GetValue(_anyTiles),
            TileSizeLevel0 = parsed.GetValue(_tileLevel0) is int edge ? ProcessingOptions.AtLeast(1, edge, "--tile-level0") : null,
        };
    }

    private static void Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new CommandException(otherwise);
        }
    }
}
