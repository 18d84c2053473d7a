using Spectre.Console;
using SlideMesh.Mesh.Progress;
using SlideMesh.Mesh.Runs;

namespace SlideMesh.Cli.Display;

/// <summary>Live bars for slides and tiles, the device's state below, failures above as they happen.</summary>
internal sealed class TerminalDisplay(TextWriter output) : IRunDisplay
{
    private static readonly TimeSpan Every = TimeSpan.FromMilliseconds(250);

    /// <summary>Progress goes to standard error, so that the table on standard output can be piped.</summary>
    public static bool IsTerminal => !Console.IsErrorRedirected && Environment.GetEnvironmentVariable("TERM") is not (null or "dumb");

    public async Task<IReadOnlyList<SlideOutcome>> FollowAsync(RunDriver driver, CancellationToken cancellation)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output), Interactive = InteractionSupport.Yes });
        driver.Progress.Happened += happened =>
        {
            if (happened is SlideFailed failed)
            {
                console.MarkupLineInterpolated($"[red]{failed.Slide}[/]: {failed.Reason}: {failed.Detail}");
            }
        };

        driver.Noted += note => console.MarkupLineInterpolated($"[yellow]note[/]: {note}");

        IReadOnlyList<SlideOutcome> outcomes = [];
        await console.Progress()
            .AutoClear(true)
            .HideCompleted(false)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn())
            .StartAsync(async context =>
            {
                ProgressTask slides = context.AddTask("slides", maxValue: Math.Max(1, driver.Progress.Slides));
                ProgressTask tiles = context.AddTask("tiles", maxValue: 1);
                ProgressLine line = new();
                Task<IReadOnlyList<SlideOutcome>> run = driver.RunAsync(cancellation);
                bool over;
                do
                {
                    over = await Task.WhenAny(run, Task.Delay(Every, CancellationToken.None)).ConfigureAwait(false) == run;
                    ProgressSnapshot now = driver.Progress.Snapshot();
                    line.Update(now, driver.Device);
                    slides.Value = now.Done + now.Failed;
                    slides.Description = Markup.Escape($"slides {now.Done + now.Failed}/{now.Slides}, {now.Active} active, {line.Left(now)}");
                    tiles.MaxValue = Math.Max(1, now.TilesPlanned);
                    tiles.Value = now.TilesDone;
                    tiles.Description = Markup.Escape($"tiles {now.TilesDone:N0}, {line.TilesPerSecond:0}/s{(line.IsLoading ? ", device loads models" : line.HasDevice ? $", device {line.DeviceBusy ?? 0:P0} busy" : "")}{(line.HasDevice && line.WaitsForTiles(now) ? " (waits for tiles)" : "")}");
                }
                while (!over);
                outcomes = await run.ConfigureAwait(false);
            }).ConfigureAwait(false);
        return outcomes;
    }
}
