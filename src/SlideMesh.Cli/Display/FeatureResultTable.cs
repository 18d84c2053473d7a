using System.Globalization;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Runs;
using SlideMesh.Reporting;
using SlideMesh.Reporting.OutputStore;

namespace SlideMesh.Cli.Display;

/// <summary>The table at the end of <c>embed</c>: rows of features by slide, failures with reasons, and where the features are.</summary>
internal static class FeatureResultTable
{
    public static void Write(IReadOnlyList<SlideOutcome> outcomes, FlatLayout layout, string output, TextWriter writer)
    {
        TextTable table = new(["slide", "state", "tissue mm2", .. layout.Streams.Select(s => s.Id)]);
        foreach (SlideOutcome outcome in outcomes)
        {
            SlideSummary slide = outcome.Summary;
            table.Add(
            [
                slide.SlideId,
                slide.State == SlideState.Done ? (outcome.Resumed ? "done before" : "done") : $"FAILED {slide.Reason}",
                slide.TissueMm2?.ToString("0.0", CultureInfo.InvariantCulture) ?? "-",
                .. layout.Streams.Select(stream => slide.Streams.FirstOrDefault(s => s.Id == stream.Id)?.Used.ToString(CultureInfo.InvariantCulture) ?? "-"),
            ]);
        }

        table.Write(writer);
        ResultTable.WriteFailures(outcomes, writer);
        int failures = outcomes.Count(o => o.Summary.State == SlideState.Failed);
        writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{outcomes.Count - failures} of {outcomes.Count} slides have features:"));
        foreach (FeatureStream stream in layout.Streams)
        {
            writer.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"  {Path.Combine(output, Path.GetDirectoryName(layout.Features(stream.Id, "id"))!)}: {stream.Package}, {stream.Dimension} numbers a tile of {stream.View.SizePx} px at {stream.View.MicronsPerPixel} um/px"));
        }
    }
}
