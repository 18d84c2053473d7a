using SlideMesh.Mesh.Progress;
using SlideMesh.Mesh.Runs;

namespace SlideMesh.Cli.Display;

/// <summary>A line when a slide ends, and one every few seconds: for logs.</summary>
internal sealed class PlainDisplay(TextWriter output) : IRunDisplay
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(5);

    public async Task<IReadOnlyList<SlideOutcome>> FollowAsync(RunDriver driver, CancellationToken cancellation)
    {
        driver.Progress.Happened += happened =>
        {
            string? line = happened switch
            {
                SlideDone { Resumed: true } done => $"{done.Slide}: done already",
                SlideDone done => $"{done.Slide}: done",
                SlideFailed failed => $"{failed.Slide}: FAILED ({failed.Reason}) {failed.Detail}",
                _ => null,
            };
            if (line is not null)
            {
                lock (output)
                {
                    output.WriteLine(line);
                }
            }
        };

        driver.Noted += note =>
        {
            lock (output)
            {
                output.WriteLine($"slidemesh: note: {note}");
            }
        };

        ProgressLine line = new();
        Task<IReadOnlyList<SlideOutcome>> run = driver.RunAsync(cancellation);
        while (await Task.WhenAny(run, Task.Delay(Every, CancellationToken.None)).ConfigureAwait(false) != run)
        {
            ProgressSnapshot now = driver.Progress.Snapshot();
            line.Update(now, driver.Device);
            lock (output)
            {
                output.WriteLine(line.Text(now));
            }
        }

        return await run.ConfigureAwait(false);
    }
}
