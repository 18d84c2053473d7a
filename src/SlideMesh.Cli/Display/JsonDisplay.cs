using System.Text;
using System.Text.Json;
using SlideMesh.Mesh.Progress;
using SlideMesh.Mesh.Runs;
using SlideMesh.Reporting;
using SlideMesh.Reporting.Json;

namespace SlideMesh.Cli.Display;

/// <summary>
/// One JSON object a line on standard output: <c>{"event":"slide-started|slide-planned|slide-done|slide-failed|note|progress|result|end", …}</c>.
/// </summary>
internal sealed class JsonDisplay(TextWriter output) : IRunDisplay
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    public async Task<IReadOnlyList<SlideOutcome>> FollowAsync(RunDriver driver, CancellationToken cancellation)
    {
        driver.Progress.Happened += happened => Write(json =>
        {
            json.WriteString("event", happened switch
            {
                SlideStarted => "slide-started",
                SlidePlanned => "slide-planned",
                SlideDone => "slide-done",
                _ => "slide-failed",
            });
            json.WriteString("slide", happened.Slide.Value);
            switch (happened)
            {
                case SlidePlanned planned:
                    json.WriteNumber("tiles", planned.Tiles);
                    if (planned.TissueMm2 is double area)
                    {
                        json.WriteNumber("tissueMm2", area);
                    }

                    break;
                case SlideDone done:
                    json.WriteBoolean("resumed", done.Resumed);
                    break;
                case SlideFailed failed:
                    json.WriteString("reason", failed.Reason);
                    json.WriteString("detail", failed.Detail);
                    break;
                default:
                    break;
            }
        });

        driver.Noted += note => Write(json =>
        {
            json.WriteString("event", "note");
            json.WriteString("note", note);
        });

        ProgressLine line = new();
        Task<IReadOnlyList<SlideOutcome>> run = driver.RunAsync(cancellation);
        while (await Task.WhenAny(run, Task.Delay(Every, CancellationToken.None)).ConfigureAwait(false) != run)
        {
            ProgressSnapshot now = driver.Progress.Snapshot();
            line.Update(now, driver.Device);
            Write(json =>
            {
                json.WriteString("event", "progress");
                json.WriteNumber("slidesDone", now.Done);
                json.WriteNumber("slidesFailed", now.Failed);
                json.WriteNumber("slides", now.Slides);
                json.WriteNumber("tilesDone", now.TilesDone);
                json.WriteNumber("tilesPlanned", now.TilesPlanned);
                json.WriteNumber("tilesPerSecond", Math.Round(line.TilesPerSecond, 1));
                WriteNumber(json, "deviceBusyShare", line.DeviceBusy);
                WriteNumber(json, "secondsRemaining", line.Remaining?.TotalSeconds);
            });
        }

        IReadOnlyList<SlideOutcome> outcomes = await run.ConfigureAwait(false);
        foreach (SlideOutcome outcome in outcomes)
        {
            WriteResult(outcome.Summary);
        }

        Write(json =>
        {
            json.WriteString("event", "end");
            json.WriteNumber("done", outcomes.Count(o => o.Summary.State == SlideState.Done));
            json.WriteNumber("failed", outcomes.Count(o => o.Summary.State == SlideState.Failed));
        });
        return outcomes;
    }

    /// <summary>The whole of the slide's predictions.json under <c>summary</c>.</summary>
    private void WriteResult(SlideSummary slide)
    {
        using MemoryStream memory = new();
        ResultJson.Write(memory, slide);
        using JsonDocument document = JsonDocument.Parse(memory.ToArray());
        Write(json =>
        {
            json.WriteString("event", "result");
            json.WritePropertyName("summary");
            document.RootElement.WriteTo(json);
        });
    }

    private static void WriteNumber(Utf8JsonWriter json, string name, double? value)
    {
        if (value is double number)
        {
            json.WriteNumber(name, Math.Round(number, 3));
        }
        else
        {
            json.WriteNull(name);
        }
    }

    private void Write(Action<Utf8JsonWriter> members)
    {
        using MemoryStream memory = new();
        using (Utf8JsonWriter json = new(memory))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        lock (output)
        {
            output.WriteLine(Encoding.UTF8.GetString(memory.ToArray()));
            output.Flush();
        }
    }
}
