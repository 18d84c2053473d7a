using System.CommandLine;
using System.Globalization;
using SlideMesh.Cli.Display;
using SlideMesh.Mesh.Progress;
using SlideMesh.Mesh.Runs;

namespace SlideMesh.Cli.Commands;

/// <summary>Where results go, how progress is shown, and what changes speed and memory but no result: the same for every verb that computes.</summary>
internal sealed class ProcessingOptions
{
    private readonly Option<string> _out = new("--out", "-o")
    {
        Description = "Folder for the results. Running the same command again does only what is missing.",
        Required = true,
        HelpName = "folder",
    };

    private readonly Option<int?> _decoders = new("--decoders") { Description = "Threads that read tiles. Default: one per core.", HelpName = "n" };

    private readonly Option<int?> _threads = new("--threads") { Description = "Threads that the CPU device computes with. Default: one per core.", HelpName = "n" };

    private readonly Option<int?> _batch = new("--batch-size") { Description = "Tiles per device batch. Default: found by trying.", HelpName = "n" };

    private readonly Option<int> _batchMemory = new("--batch-memory") { Description = "Most memory for batches, MiB.", DefaultValueFactory = _ => 512, HelpName = "MiB" };

    private readonly Option<int> _shard = new("--shard-tiles") { Description = "Tiles per shard: what a killed run computes again at most, per worker.", DefaultValueFactory = _ => 256, HelpName = "n" };

    private readonly Option<int> _inFlight = new("--slides-in-flight") { Description = "Slides worked on at once.", DefaultValueFactory = _ => 4, HelpName = "n" };

    private readonly Option<bool> _noDecoderScaling = new("--no-decoder-scaling")
    {
        Description = "Decode all pixels of tiles that are coarser than their level, and average them; slower by 2 to 6 times.",
    };

    private readonly Option<string?> _cache = new("--cache")
    {
        Description = "Folder on a local disk: slides from slow or shared storage are copied there before their turn. Several runs may share it.",
        HelpName = "folder",
    };

    private readonly Option<string?> _cacheSize = new("--cache-size") { Description = "Most that the copies take, such as 200GB (the default) or 500GiB; the least recently used go first.", HelpName = "size" };

    private readonly Option<bool> _json = new("--json") { Description = "Progress and results as JSON lines on standard output." };

    private readonly Option<bool> _quiet = new("--quiet", "-q") { Description = "No progress; the table of results only." };

    /// <summary>First among the options, because it must be given.</summary>
    public void AddOutputTo(Command command) => command.Options.Add(_out);

    /// <param name="reads">Whether the verb reads tiles from slides and runs encoders on them.</param>
    public void AddTo(Command command, bool reads = true)
    {
        Option[] all = reads ? [_decoders, _threads, _batch, _batchMemory, _shard, _inFlight, _cache, _cacheSize, _noDecoderScaling, _json, _quiet] : [_inFlight, _json, _quiet];
        foreach (Option option in all)
        {
            command.Options.Add(option);
        }
    }

    /// <summary>How the work is cut, for a verb that computes elsewhere.</summary>
    public void AddCuttingTo(Command command)
    {
        command.Options.Add(_shard);
        command.Options.Add(_inFlight);
        command.Options.Add(_noDecoderScaling);
    }

    /// <summary>How this machine computes, for a verb that is told elsewhere what to compute.</summary>
    public void AddComputingTo(Command command)
    {
        foreach (Option option in (Option[])[_decoders, _threads, _batch, _batchMemory])
        {
            command.Options.Add(option);
        }
    }

    /// <summary>Whether the user said how many slides may be worked on at once.</summary>
    public bool NamesSlidesInFlight(ParseResult parsed) => parsed.GetResult(_inFlight) is { Implicit: false };

    /// <summary>The folder named, for verbs that must know it before they look for inputs.</summary>
    /// <exception cref="CommandException">It is empty.</exception>
    public string ReadOutput(ParseResult parsed)
    {
        string output = parsed.GetValue(_out)!;
        return !string.IsNullOrWhiteSpace(output) ? output : throw new CommandException("--out is empty; name a folder");
    }

    /// <exception cref="CommandException">A value that makes no sense.</exception>
    public RunOptions Read(ParseResult parsed, string verb) => WithCopies(ReadComputing(parsed) with
    {
        OutputRoot = ReadOutput(parsed),
        Verb = verb,
        ShardTiles = AtLeast(1, Given(parsed, _shard, 256), "--shard-tiles"),
        SlidesInFlight = AtLeast(1, parsed.GetValue(_inFlight), "--slides-in-flight"),
        DecoderScaling = !parsed.GetValue(_noDecoderScaling),
    }, parsed.GetValue(_cache), parsed.GetValue(_cacheSize));

    /// <summary>Of <see cref="AddComputingTo"/> alone: no output.</summary>
    /// <exception cref="CommandException">A value that makes no sense.</exception>
    public RunOptions ReadComputing(ParseResult parsed) => new()
    {
        OutputRoot = "",
        Decoders = parsed.GetValue(_decoders) is int decoders ? AtLeast(1, decoders, "--decoders") : null,
        DeviceThreads = parsed.GetValue(_threads) is int threads ? AtLeast(1, threads, "--threads") : null,
        BatchSize = parsed.GetValue(_batch) is int batch ? AtLeast(1, batch, "--batch-size") : null,
        BatchMemoryBytes = (long)AtLeast(16, Given(parsed, _batchMemory, 512), "--batch-memory") << 20,
    };

    /// <summary>Runs to the end with progress shown as asked for, then shows what came of it.</summary>
    /// <param name="table">Writes the table of results to standard output; not called for <c>--json</c>, whose lines hold them already.</param>
    /// <param name="warn">Called behind it in either case.</param>
    /// <returns>The exit code.</returns>
    public async Task<int> RunAsync(
        ParseResult parsed, RunRequest request, Action<IReadOnlyList<SlideOutcome>, RunDriver> table, Action<IReadOnlyList<SlideOutcome>>? warn, CancellationToken cancellation)
    {
        IReadOnlyList<SlideOutcome>? outcomes;
        RunDriver driver = new(request);
        await using (driver.ConfigureAwait(false))
        {
            outcomes = await FollowAsync(parsed, driver, cancellation).ConfigureAwait(false);
        }

        if (outcomes is null)
        {
            return ExitCode.Interrupted;
        }

        if (!parsed.GetValue(_json))
        {
            table(outcomes, driver);
        }

        warn?.Invoke(outcomes);
        return RunCommand.Verdict(outcomes);
    }

    /// <returns>Null when it was stopped, which has been said then.</returns>
    private async Task<IReadOnlyList<SlideOutcome>?> FollowAsync(ParseResult parsed, RunDriver driver, CancellationToken cancellation)
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
            return await display.FollowAsync(driver, cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            ProgressLine.WriteStopped(driver.Progress.Snapshot(), Console.Error);
            return null;
        }
    }

    internal static int AtLeast(int least, int value, string option) => value >= least
        ? value
        : throw new CommandException(string.Create(CultureInfo.InvariantCulture, $"{option} {value} is less than {least}"));

    /// <exception cref="CommandException">A folder or size that makes no sense.</exception>
    internal static RunOptions WithCopies(RunOptions options, string? folder, string? size)
    {
        if (folder is null)
        {
            return size is null ? options : throw new CommandException("--cache-size needs --cache");
        }

        return options with
        {
            CopyFolder = !string.IsNullOrWhiteSpace(folder) ? folder : throw new CommandException("--cache is empty; name a folder"),
            CopyFolderBytes = size is null
                ? options.CopyFolderBytes
                : ByteSize.Parse(size) ?? throw new CommandException($"--cache-size '{size}' is no size; write 200GB or 500GiB"),
        };
    }

    private static int Given(ParseResult parsed, Option<int> option, int otherwise) =>
        parsed.CommandResult.Command.Options.Contains(option) ? parsed.GetValue(option) : otherwise;
}
