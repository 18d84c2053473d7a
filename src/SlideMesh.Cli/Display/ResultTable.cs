using System.Globalization;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Runs;
using SlideMesh.Prediction;
using SlideMesh.Reporting;

namespace SlideMesh.Cli.Display;

/// <param name="Text">e.g. <c>3 (0.71)</c>.</param>
internal readonly record struct ResultCell(string Task, string Text);

/// <summary>The table at the end of a run: one row a slide, failures with reasons below.</summary>
internal static class ResultTable
{
    public static void Write(IReadOnlyList<SlideOutcome> outcomes, bool isSynthetic, string output, TextWriter writer)
    {
        string[] tasks = [.. outcomes.SelectMany(o => o.Summary.Tasks).Select(t => t.Task).Distinct()];
        // Nobody looked for tissue where the features existed already.
        bool hasTissue = outcomes.Any(o => o.Summary.TissueMm2 is not null);
        TextTable table = new(["slide", "state", .. hasTissue ? ["tissue mm2"] : Array.Empty<string>(), "tiles", .. tasks, "omics"]);
        foreach (SlideOutcome outcome in outcomes)
        {
            SlideSummary slide = outcome.Summary;
            Dictionary<string, string> cells = Cells(slide).ToDictionary(c => c.Task, c => c.Text, StringComparer.Ordinal);
            table.Add(
            [
                slide.SlideId,
                slide.State switch
                {
                    SlideState.Done => outcome.Resumed ? "done before" : "done",
                    SlideState.Pending => "pending",
                    _ => $"FAILED {slide.Reason}",
                },
                .. hasTissue ? [slide.TissueMm2?.ToString("0.0", CultureInfo.InvariantCulture) ?? "-"] : Array.Empty<string>(),
                Tiles(slide),
                .. tasks.Select(task => cells.GetValueOrDefault(task, "-")),
                Omics(slide),
            ]);
        }

        table.Write(writer);
        WriteFailures(outcomes, writer);
        int failures = outcomes.Count(o => o.Summary.State != SlideState.Done);
        // A run that was stopped or cancelled leaves the report to the one that finishes.
        string start = File.Exists(Path.Combine(output, "report.html")) ? "report.html and slides.csv" : "slides.csv";
        writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{outcomes.Count - failures} of {outcomes.Count} slides succeeded; results in {output} (start with {start})"));
        if (isSynthetic)
        {
            writer.WriteLine("Models trained on synthetic slides took part: these results show that the pipeline works and say nothing about real tissue.");
        }
    }

    public static void WriteFailures(IReadOnlyList<SlideOutcome> outcomes, TextWriter writer)
    {
        foreach (SlideSummary failed in outcomes.Select(o => o.Summary).Where(s => s.State is SlideState.Failed or SlideState.Quarantined))
        {
            writer.WriteLine($"failed: {failed.SlideId}: {failed.Reason}: {failed.Detail}");
        }
    }

    /// <summary>Tiles of the finest magnification, and how many magnifications there are.</summary>
    private static string Tiles(SlideSummary slide)
    {
        if (slide.Streams.Count == 0)
        {
            return "-";
        }

        int used = slide.Streams.MinBy(s => s.View.MicronsPerPixel)!.Used;
        return slide.Streams.Count == 1
            ? string.Create(CultureInfo.InvariantCulture, $"{used}")
            : string.Create(CultureInfo.InvariantCulture, $"{used} (of {slide.Streams.Count} views)");
    }

    private static string Omics(SlideSummary slide) => slide.Omics?.Status switch
    {
        null or OmicsStatus.NotGiven => "-",
        OmicsStatus.Used => "fused",
        OmicsStatus.CaseMissing => "no row",
        OmicsStatus.Invalid => "invalid row",
        _ => "no model",
    };

    public static IEnumerable<ResultCell> Cells(SlideSummary slide) => slide.Tasks.Select(task => new ResultCell(task.Task, Text(task)));

    private static string Text(TaskPrediction task)
    {
        TaskAnswer answer = task.Final;
        string text = answer.Label is string label
            ? string.Create(CultureInfo.InvariantCulture, $"{label} ({answer.Probabilities[answer.Labels.ToList().IndexOf(label)]:0.00})")
            : "";
        foreach (QuantityAnswer quantity in answer.Quantities)
        {
            text += string.Create(CultureInfo.InvariantCulture, $"{(text.Length > 0 ? ", " : "")}{quantity.Value:0.0}{(quantity.Unit.Length > 0 ? "/" + quantity.Unit.Split('/')[^1] : "")}");
        }

        return text;
    }
}
