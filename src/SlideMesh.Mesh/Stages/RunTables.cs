using System.Globalization;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Runs;
using SlideMesh.Prediction.Omics;
using SlideMesh.Reporting;
using SlideMesh.Reporting.Heatmaps;
using SlideMesh.Reporting.Html;
using SlideMesh.Reporting.Json;
using SlideMesh.Reporting.OutputStore;
using SlideMesh.Reporting.Tables;
using SlideMesh.Slides;
using SlideMesh.Slides.Raster;
using SlideMesh.Slides.TurboJpeg;

namespace SlideMesh.Mesh.Stages;

/// <summary>The files of a whole run: run.json before it, slides.csv, failures.csv, timings.csv and report.html after it.</summary>
public static class RunTables
{
    private const int ThumbnailEdge = 160;

    /// <param name="engine">Inference engine and version.</param>
    public static void WriteSpecification(RunContext run, string engine)
    {
        ArgumentNullException.ThrowIfNull(run);
        RunOptions options = run.Options;
        ResultStage.Save(run.Store.RunJson, stream => ResultJson.Write(stream, new RunDocument
        {
            Command = options.Verb,
            SoftwareVersion = SoftwareVersion.Current,
            Parameters = Parameters(run, engine),
            Models = [.. run.Pipeline.Packages.Select(p => ModelCard.From(p.Manifest, p.Sha256))],
            Slides = [.. InOrder(run).Select(s => new RunSlide(s.Id.Value, s.CaseId, s.Path, s.MicronsPerPixel))],
        }));
    }

    private static Dictionary<string, string> Parameters(RunContext run, string engine)
    {
        RunOptions options = run.Options;
        Dictionary<string, string> parameters = new(StringComparer.Ordinal)
        {
            ["engine"] = engine,
            ["default-mpp"] = options.DefaultMicronsPerPixel?.ToString(CultureInfo.InvariantCulture) ?? "none",
            ["write"] = options.Write.ToString(),
        };
        if (run.Features is { } features)
        {
            parameters["any-tiles"] = features.Rules.AnyTiles ? "true" : "false";
            parameters["encoder-alias"] = string.Join(' ', features.Rules.Aliases.OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => $"{a.Key}={a.Value}"));
            parameters["tile-level0"] = features.Rules.TileSizeLevel0?.ToString(CultureInfo.InvariantCulture) ?? "none";
        }
        else
        {
            parameters["tissue"] = run.Tissue.ToString();
            parameters["min-tissue"] = options.MinTissueShare.ToString(CultureInfo.InvariantCulture);
            parameters["quality"] = options.Quality.ToString();
            parameters["decoder-scaling"] = options.DecoderScaling ? "on" : "off";
        }

        if (options.Verb != RunVerb.Embed)
        {
            parameters["colours"] = options.ColourMap;
            parameters["top-tiles"] = options.TopTiles.ToString(CultureInfo.InvariantCulture);
            parameters["omics"] = run.Omics is null ? "none" : Path.GetFileName(run.Omics.Path);
        }

        return parameters;
    }

    /// <param name="stopping">
    /// The run was stopped: the tables are written, the report, whose pictures take time with the cohort, is left to the run that finishes.
    /// </param>
    public static void Write(RunContext run, IReadOnlyList<SlideOutcome> outcomes, bool stopping)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(outcomes);
        SlideSummary[] slides = [.. outcomes.Select(o => o.Summary)];
        ResultStage.Save(run.Store.SlidesCsv, stream => SlidesTable.Write(stream, slides));
        ResultStage.Save(run.Store.FailuresCsv, stream => FailuresTable.Write(stream, slides.SelectMany(s => Failures(run, s)).Concat(OmicsFailures(run))));
        ResultStage.Save(run.Store.TimingsCsv, stream => TimingsTable.Write(stream, run.Timings.Rows));
        if (stopping)
        {
            return;
        }

        if (run.Store.Layout is { } layout && run.Options.Write.HasFlag(ExtraFormats.ClamPt))
        {
            ClamFolder.Write(run, layout, slides);
        }

        ResultStage.Save(run.Store.Report, stream => RunReport.Write(stream, new RunReportInput
        {
            Title = $"SlideMesh {run.Options.Verb}",
            SoftwareVersion = SoftwareVersion.Current,
            Slides = [.. slides.Select(s => Row(run, s))],
            Failures = [.. slides.Where(s => s.State is SlideState.Failed or SlideState.Quarantined).Select(SlideFailure), .. OmicsFailures(run)],
            TileFailures = [.. slides.SelectMany(TileFailures)],
            Models = [.. run.Pipeline.Packages.Select(p => ModelCard.From(p.Manifest, p.Sha256))],
        }));
    }

    /// <summary>Why a slide failed, and the tiles of a finished one that have no row, read from the store one by one.</summary>
    private static IEnumerable<FailureRow> Failures(RunContext run, SlideSummary summary)
    {
        CohortEntry slide = run.Slides[new SlideId(summary.SlideId)];
        return summary.State switch
        {
            SlideState.Failed or SlideState.Quarantined => [SlideFailure(summary)],
            // Which tiles another tool left out before it wrote features is not known.
            SlideState.Done when run.Features is not null => [],
            SlideState.Done => run.Pipeline.Streams.SelectMany(s => FinishedSlide.ReadUnused(slide, run.Store.Slide(slide.Id), s)),
            _ => [],
        };
    }

    private static IEnumerable<TileFailureCount> TileFailures(SlideSummary slide) => slide.Streams.SelectMany(stream =>
        stream.LeftOut.Append(new("tile-unreadable", stream.Unreadable))
            .Where(reason => reason.Value > 0)
            .Select(reason => new TileFailureCount(slide.SlideId, stream.Id, reason.Key, reason.Value)));

    private static FailureRow SlideFailure(SlideSummary slide) => new(slide.SlideId, slide.Path, "slide", slide.Reason!, slide.Detail!);

    private static RunReportSlide Row(RunContext run, SlideSummary summary)
    {
        SlideFolder folder = run.Store.Slide(new SlideId(summary.SlideId));
        bool reported = summary.State == SlideState.Done && File.Exists(folder.Report);
        return new RunReportSlide(summary, reported ? $"slides/{summary.SlideId}/report.html" : null, SmallPicture(folder));
    }

    private static ReportPicture? SmallPicture(SlideFolder folder)
    {
        if (!File.Exists(folder.Thumbnail))
        {
            return null;
        }

        try
        {
            // At an eighth of its size where that is enough: 60 times fewer pixels to decode, for thousands of slides.
            byte[] jpeg = File.ReadAllBytes(folder.Thumbnail);
            using JpegDecoder decoder = new();
            (int width, int height) = decoder.ReadSize(jpeg);
            int factor = new[] { 8, 4, 2, 1 }.First(f => f == 1 || Math.Max(width, height) / f >= ThumbnailEdge);
            RgbImage thumbnail = new((width + factor - 1) / factor, (height + factor - 1) / factor);
            decoder.Decode(jpeg, thumbnail.Pixels, thumbnail.Width, thumbnail.Height);
            return ReportPicture.Jpeg(PictureScaling.Shrink(thumbnail, ThumbnailEdge));
        }
        catch (JpegException)
        {
            return null;
        }
    }

    /// <summary>What is wrong with the omics table itself, and the cases in it that no slide belongs to.</summary>
    private static IEnumerable<FailureRow> OmicsFailures(RunContext run)
    {
        if (run.Omics is not { } omics)
        {
            return [];
        }

        string path = Path.GetFileName(omics.Path);
        ILookup<string, CohortEntry> slides = run.Slides.Values.ToLookup(s => s.OmicsId, StringComparer.Ordinal);
        return omics.Findings.Concat(omics.FindUnknownCases(slides.Select(s => s.Key)))
            .Select(finding => new FailureRow(
                finding.CaseId is { } id ? slides[id].OrderBy(s => s.Id.Value, StringComparer.Ordinal).FirstOrDefault()?.Id.Value ?? "" : "",
                path, "omics", "omics-" + KebabCase.Of(finding.Kind), finding.Detail));
    }

    private static IEnumerable<CohortEntry> InOrder(RunContext run) => run.Slides.Values.OrderBy(s => s.Id.Value, StringComparer.Ordinal);
}
