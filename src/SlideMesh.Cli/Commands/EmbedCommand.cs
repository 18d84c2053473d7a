using System.CommandLine;
using System.Globalization;
using SlideMesh.Cli.Display;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Runs;
using SlideMesh.Mesh.Telemetry;
using SlideMesh.Reporting.OutputStore;
using SlideMesh.Slides.OpenSlide;

namespace SlideMesh.Cli.Commands;

/// <summary><c>slidemesh embed</c>: slides in; features in folders that other tools read out.</summary>
internal sealed class EmbedCommand
{
    private readonly InputOptions _inputs = new();

    private readonly ProcessingOptions _processing = new();

    private readonly Option<string[]> _encoders = new("--encoder", "-e")
    {
        Description = "Encoder packages, one or several: folders or names (see 'slidemesh models').",
        AllowMultipleArgumentsPerToken = true,
        Required = true,
        HelpName = "package",
    };

    private readonly Option<int?> _tileSize = new("--tile-size") { Description = "Edge of a tile in pixels, where the encoder allows it. Default: the encoder's own.", HelpName = "px" };

    private readonly Option<double[]> _mpp = new("--mpp")
    {
        Description = "Microns per pixel that tiles are brought to (0.5 is 20x); several give features of each. Default: the encoder's own.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "um",
    };

    private readonly Option<int?> _overlap = new("--overlap") { Description = "Overlap of neighbouring tiles in pixels. Default: the encoder's own.", HelpName = "px" };

    private readonly Option<string[]> _write = new("--write")
    {
        Description = "Also write other tools' files: stamp (fp16 features), clam-pt (tensors, with h5_files and a process list beside them).",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "format",
    };

    private readonly EngineOptions _engines = new();

    private readonly TissueParameters _tissue = new();

    public static Command Create()
    {
        EmbedCommand embed = new();
        Command command = new("embed", $"""
            Slides in; features out, one file a slide, in folders that CLAM, TRIDENT and STAMP read. Resumes where an earlier run stopped.
            Run it again with another --encoder or --mpp and the same --out to add features. 'slidemesh predict' runs heads on them.
            {ExitCode.Help}
            """);
        embed._inputs.AddTo(command);
        embed._processing.AddOutputTo(command);
        foreach (Option option in (Option[])[embed._encoders, embed._tileSize, embed._mpp, embed._overlap, embed._write])
        {
            command.Options.Add(option);
        }

        embed._processing.AddTo(command);
        embed._engines.AddTo(command);
        embed._tissue.AddTo(command);
        command.SetAction(embed.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        RunOptions options = _tissue.Apply(parsed, _processing.Read(parsed, RunVerb.Embed)) with
        {
            DefaultMicronsPerPixel = _inputs.ReadDefaultMpp(parsed),
            Write = RunCommand.Formats(parsed.GetValue(_write), ExtraFormats.Stamp, ExtraFormats.ClamPt),
        };
        TileChoice tiles = ReadTiles(parsed);
        IReadOnlyList<CohortEntry> cohort = _inputs.Read(parsed, options.OutputRoot);
        _ = OpenSlideSource.LibraryVersion;
        using EngineSet engines = _engines.Open(parsed);
        ResolvedPipeline pipeline = PipelineResolver.ResolveEncoders(PackageCatalog.Default().Load(parsed.GetValue(_encoders)!), tiles, engines.First);
        if (FlatLayout.FindClash(pipeline.Streams) is string clash)
        {
            throw new CommandException(clash);
        }

        using OtlpExport export = OtlpExport.Start(SoftwareVersion.Current);

        return await _processing.RunAsync(
            parsed,
            new RunRequest(options, cohort, pipeline, engines.First, OmicsPath: null) { MoreDevices = engines.Others },
            (outcomes, driver) => FeatureResultTable.Write(outcomes, driver.Layout!, options.OutputRoot, Console.Out),
            warn: null,
            cancellation).ConfigureAwait(false);
    }

    private TileChoice ReadTiles(ParseResult parsed)
    {
        int? size = parsed.GetValue(_tileSize);
        Require(size is null or (>= 16 and <= 4096), $"--tile-size {size} lies outside of 16 to 4096 px");
        double[] mpp = parsed.GetValue(_mpp) ?? [];
        foreach (double um in mpp)
        {
            Require(um is >= 0.02 and <= 20, string.Create(CultureInfo.InvariantCulture, $"--mpp {um} lies outside of 0.02 to 20 um per pixel (0.5 is 20x)"));
        }

        int? overlap = parsed.GetValue(_overlap);
        Require(overlap is null or >= 0, $"--overlap {overlap} is negative");
        return new TileChoice(size, mpp, overlap);
    }

    private static void Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new CommandException(otherwise);
        }
    }
}
