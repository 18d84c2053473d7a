using SlideMesh.Inference.Packages;
using SlideMesh.Prediction;
using SlideMesh.Reporting.Tables;

namespace SlideMesh.Reporting.Html;

/// <summary>What <see cref="RunReport"/> shows.</summary>
public sealed record RunReportInput
{
    public required string Title { get; init; }

    public required string SoftwareVersion { get; init; }

    /// <summary>In the order of the run.</summary>
    public required IReadOnlyList<RunReportSlide> Slides { get; init; }

    /// <summary>Of slides and omics, listed one by one. Rows of tiles are passed over: see <see cref="TileFailures"/>.</summary>
    public IReadOnlyList<FailureRow> Failures { get; init; } = [];

    /// <summary>In the order of the report. Counts, because a damaged cohort has more failed tiles than memory should hold.</summary>
    public IReadOnlyList<TileFailureCount> TileFailures { get; init; } = [];

    public IReadOnlyList<ModelCard> Models { get; init; } = [];
}

/// <param name="ReportPath">Path of the slide's report relative to this page, with <c>/</c>; null when there is none.</param>
/// <param name="Thumbnail">A small picture (an edge of about 160 pixels).</param>
public sealed record RunReportSlide(SlideSummary Summary, string? ReportPath, ReportPicture? Thumbnail);

/// <summary><c>report.html</c> of a run: a row per slide with its state and answers, and everything that failed with its reason.</summary>
public static class RunReport
{
    /// <summary>Writes the page as UTF-8; the destination stays open.</summary>
    public static void Write(Stream destination, RunReportInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        PageStyle.Write(destination, $"{input.Title} - SlideMesh", html => AddBody(html, input));
    }

    private static void AddBody(HtmlBuilder html, RunReportInput input)
    {
        html.Add($"<header class=\"page\">\n<h1>{input.Title}</h1>\n{SlideReport.SyntheticBanner(input.Models)}");
        AddCounts(html, input);
        html.Add($"</header>\n<main class=\"broad\">\n");
        AddSlides(html, input);
        AddFailures(html, [.. input.Failures.Where(f => f.Scope != "tile")], input.TileFailures);
        SlideReport.AddModels(html, input.Models);
        html.Add($"</main>\n");
        SlideReport.AddFooter(html, input.SoftwareVersion, fingerprint: null);
    }

    private static void AddCounts(HtmlBuilder html, RunReportInput input)
    {
        SlideSummary[] slides = [.. input.Slides.Select(s => s.Summary)];
        html.Add($"<ul class=\"figures\">\n");
        html.Add($"<li><b>{Wording.Count(slides.Length)}</b> slides</li>\n");
        foreach (SlideState state in Enum.GetValues<SlideState>())
        {
            int count = slides.Count(s => s.State == state);
            if (count > 0)
            {
                html.Add($"<li><b>{Wording.Count(count)}</b> {KebabCase.Of(state)}</li>\n");
            }
        }

        html.Add($"<li><b>{Wording.Number(slides.Sum(s => s.TissueMm2 ?? 0), "0.0")}</b> mm² of tissue</li>\n");
        html.Add($"<li><b>{Wording.Count(slides.SelectMany(s => s.Streams).Sum(s => (long)s.Used))}</b> tiles used</li>\n</ul>\n");
    }

    private static void AddSlides(HtmlBuilder html, RunReportInput input)
    {
        string[] tasks = [.. input.Slides.SelectMany(s => s.Summary.Tasks).Select(t => t.Task).Distinct()];
        html.Add($"<h2>Slides</h2>\n<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">Picture</th><th scope=\"col\">Slide</th><th scope=\"col\">State</th>");
        foreach (string task in tasks)
        {
            html.Add($"<th scope=\"col\">{Wording.TaskTitle(task)}</th>");
        }

        html.Add($"<th scope=\"col\" class=\"n\">Tissue, mm²</th><th scope=\"col\" class=\"n\">Tiles</th></tr></thead>\n<tbody>\n");
        foreach (RunReportSlide row in input.Slides)
        {
            SlideSummary slide = row.Summary;
            html.Add($"<tr><td>{Picture(row)}</td><th scope=\"row\">{Link(row)}<br><span class=\"soft small\">{slide.CaseId}</span></th>");
            string state = KebabCase.Of(slide.State);
            html.Add($"<td><span class=\"state {state}\">{state}</span><br><span class=\"soft small\">{slide.Reason}</span>{Notes(slide)}</td>");
            foreach (string task in tasks)
            {
                html.Add($"<td>{Answer(slide.Tasks.FirstOrDefault(t => t.Task == task))}</td>");
            }

            string area = slide.TissueMm2 is { } mm2 ? Wording.Number(mm2, "0.0") : "";
            string tiles = slide.Streams.Count > 0 ? Wording.Count(slide.Streams.Sum(s => (long)s.Used)) : "";
            html.Add($"<td class=\"n\">{area}</td><td class=\"n\">{tiles}</td></tr>\n");
        }

        html.Add($"</tbody>\n</table></div>\n");
    }

    private static void AddFailures(HtmlBuilder html, IReadOnlyList<FailureRow> failures, IReadOnlyList<TileFailureCount> tiles)
    {
        if (failures.Count + tiles.Count == 0)
        {
            return;
        }

        html.Add($"<h2>What could not be used</h2>\n<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">Slide</th><th scope=\"col\">What</th><th scope=\"col\">Reason</th><th scope=\"col\">Detail</th></tr></thead>\n<tbody>\n");
        foreach (FailureRow failure in failures)
        {
            html.Add($"<tr><th scope=\"row\">{failure.SlideId}</th><td>{failure.Scope}</td><td>{failure.Reason}</td><td>{failure.Detail}</td></tr>\n");
        }

        foreach (TileFailureCount tile in tiles)
        {
            html.Add($"<tr><th scope=\"row\">{tile.SlideId}</th><td>{Wording.Count(tile.Count)} {(tile.Count == 1 ? "tile" : "tiles")} of {tile.Stream}</td><td>{tile.Reason}</td><td>listed in failures.csv</td></tr>\n");
        }

        html.Add($"</tbody>\n</table></div>\n");
    }

    private static Markup Picture(RunReportSlide row) => row.Thumbnail is not { } picture
        ? new Markup("")
        : new HtmlBuilder()
            .Add($"<img width=\"{picture.Width}\" height=\"{picture.Height}\" alt=\"Overview of {row.Summary.SlideId}\" src=\"{picture}\">")
            .ToMarkup();

    // Each part is escaped for the URL, so that a path can only lead below this page's folder.
    private static Markup Link(RunReportSlide row) => row.ReportPath is not { } path
        ? new HtmlBuilder().Add($"{row.Summary.SlideId}").ToMarkup()
        : new HtmlBuilder()
            .Add($"<a href=\"./{string.Join('/', path.Split('/').Select(Uri.EscapeDataString))}\">{row.Summary.SlideId}</a>")
            .ToMarkup();

    private static Markup Notes(SlideSummary slide)
    {
        HtmlBuilder html = new();
        foreach (string note in slide.Notes)
        {
            html.Add($"<p class=\"note small\"><b>!</b> {note}</p>");
        }

        return html.ToMarkup();
    }

    private static Markup Answer(TaskPrediction? task)
    {
        if (task is null)
        {
            return new Markup("");
        }

        HtmlBuilder html = new();
        string[] parts = [.. task.Final.Quantities.Select(Wording.Quantity)];
        string head = task.Final.Label is { } label ? Wording.LabelText(task.Task, label) : string.Join(", ", parts);
        string probability = task.Final.Probabilities.Count > 0 ? Wording.Percent(task.Final.Probabilities.Max()) : "";
        string[] details = [probability, .. task.Final.Label is null ? [] : parts, task.IsFused ? "with omics" : ""];
        string more = string.Join(" · ", details.Where(d => d.Length > 0));
        return html.Add($"{head}<br><span class=\"soft small\">{more}</span>").ToMarkup();
    }
}
