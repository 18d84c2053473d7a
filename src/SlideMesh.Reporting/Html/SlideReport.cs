using SlideMesh.Inference.Packages;
using SlideMesh.Prediction;
using SlideMesh.Reporting.Evidence;
using SlideMesh.Slides.Pyramid;

namespace SlideMesh.Reporting.Html;

/// <summary>
/// <c>report.html</c>: what was found on a slide, where, how surely, by which models and on how much tissue. One self-contained page
/// without scripts; works offline and on paper. The same input gives the same bytes.
/// </summary>
public static class SlideReport
{
    /// <summary>Writes the page as UTF-8; the destination stays open.</summary>
    public static void Write(Stream destination, SlideReportInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        PageStyle.Write(destination, $"{input.Summary.SlideId} - SlideMesh", html => AddBody(html, input));
    }

    private static void AddBody(HtmlBuilder html, SlideReportInput input)
    {
        SlideSummary slide = input.Summary;
        AddHeader(html, slide);
        html.Add($"<main>\n");
        if (slide.Tasks.Count > 0)
        {
            html.Add(TaskSections.Cards(slide.Tasks));
        }

        AddNotes(html, slide.Notes);
        AddWhere(html, input);
        if (slide.Tasks.Count > 0)
        {
            html.Add($"<h2>How sure</h2>\n{TaskSections.CertaintyTable(slide.Tasks)}");
        }

        if (slide.FeatureFiles.Count > 0)
        {
            AddFeatureFiles(html, slide);
        }
        else
        {
            AddTissue(html, slide);
        }

        if (slide.Omics is { } omics)
        {
            html.Add($"<h2>Omics</h2>\n<p>{Wording.Omics(omics)}</p>\n");
            if (omics is { Status: not OmicsStatus.Invalid, Detail: { } detail })
            {
                html.Add($"<p class=\"soft\">{detail}</p>\n");
            }
        }

        AddModels(html, slide.Models);
        html.Add($"</main>\n");
        AddFooter(html, slide.SoftwareVersion, slide.Fingerprint);
    }

    /// <summary>The banner that stands over results of models trained on synthetic slides; empty when there are none.</summary>
    internal static Markup SyntheticBanner(IReadOnlyList<ModelCard> models)
    {
        string[] synthetic = [.. models.Where(m => m.Synthetic).Select(m => m.Name)];
        return synthetic.Length == 0
            ? new Markup("")
            : new HtmlBuilder()
                .Add($"<p class=\"banner\" role=\"note\">Demonstration models: not for diagnosis. <span>Trained on synthetic slides, so that the answers say nothing about a patient: {string.Join(", ", synthetic)}.</span></p>\n")
                .ToMarkup();
    }

    internal static void AddModels(HtmlBuilder html, IReadOnlyList<ModelCard> models)
    {
        if (models.Count == 0)
        {
            return;
        }

        html.Add($"<h2>Models</h2>\n<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">Model</th><th scope=\"col\">Kind</th><th scope=\"col\">Trained on</th><th scope=\"col\">Intended use</th><th scope=\"col\">SHA-256</th></tr></thead>\n<tbody>\n");
        foreach (ModelCard model in models)
        {
            string kind = model.Kind switch
            {
                ModelKind.Encoder => "encoder",
                ModelKind.TileClassifier => "tile classifier",
                ModelKind.SlideHead => "slide head",
                _ => "fusion head",
            };
            string trained = model.TrainedOn.Length > 0 ? model.TrainedOn : "not stated";
            string use = model.IntendedUse.Length > 0 ? model.IntendedUse : "not stated";
            html.Add($"<tr><th scope=\"row\">{model.Name} <span class=\"soft\">{model.Version}</span></th><td>{kind}</td><td>{trained}</td><td>{use}</td><td><code>{model.Sha256[..Math.Min(12, model.Sha256.Length)]}</code></td></tr>\n");
        }

        html.Add($"</tbody>\n</table></div>\n");
    }

    internal static void AddFooter(HtmlBuilder html, string version, string? fingerprint)
    {
        html.Add($"<footer><p>Made by SlideMesh {version}. For research use; not a medical device.");
        if (fingerprint is not null)
        {
            html.Add($"<br>Slide fingerprint <code>{fingerprint}</code>");
        }

        html.Add($"</p></footer>\n");
    }

    private static void AddHeader(HtmlBuilder html, SlideSummary slide)
    {
        html.Add($"<header class=\"page\">\n<h1>{slide.SlideId}</h1>\n<p class=\"meta\">");
        if (slide.CaseId is { } caseId)
        {
            html.Add($"Case {caseId} · ");
        }

        html.Add($"{slide.Path}</p>\n<p class=\"meta\">");
        List<string> facts = [];
        if (slide is { Width: long width, Height: long height })
        {
            facts.Add($"{Wording.Count(width)} × {Wording.Count(height)} pixels");
        }

        if (slide.MicronsPerPixel is { } mpp)
        {
            facts.Add($"{Wording.Number(mpp.Mean, "0.####")} µm per pixel ({Source(mpp.Source)})");
        }
        else if (slide.Width is not null)
        {
            facts.Add("µm per pixel unknown");
        }

        if (slide.ObjectivePower is { } power)
        {
            facts.Add($"{Wording.Number(power, "0.##")}× objective");
        }

        if (slide.Vendor is { } vendor)
        {
            facts.Add(vendor);
        }

        html.Add($"{string.Join(" · ", facts)}</p>\n");
        if (slide.State is SlideState.Failed or SlideState.Quarantined)
        {
            string what = slide.State == SlideState.Failed ? "This slide could not be used" : "This slide was set aside: workers died while they held it";
            html.Add($"<p class=\"banner bad\" role=\"note\">{what} ({slide.Reason ?? "no reason recorded"}). <span>{slide.Detail}</span></p>\n");
        }

        html.Add($"{SyntheticBanner(slide.Models)}</header>\n");
    }

    private static void AddNotes(HtmlBuilder html, IReadOnlyList<string> notes)
    {
        if (notes.Count == 0)
        {
            return;
        }

        html.Add($"<section class=\"notes\" role=\"note\">\n<h3>To judge these answers, know that</h3>\n<ul>\n");
        foreach (string note in notes)
        {
            html.Add($"<li>{note}</li>\n");
        }

        html.Add($"</ul>\n</section>\n");
    }

    private static string Source(MicronsPerPixelSource source) => source switch
    {
        MicronsPerPixelSource.Manifest => "from the manifest",
        MicronsPerPixelSource.VendorProperty => "from the scanner",
        MicronsPerPixelSource.TiffResolution => "from the TIFF resolution",
        _ => "assumed by option",
    };

    private static void AddWhere(HtmlBuilder html, SlideReportInput input)
    {
        if (input.Thumbnail is null && input.Heatmaps.Count == 0)
        {
            return;
        }

        html.Add($"<h2>Where</h2>\n<div class=\"pictures\">\n");
        if (input.Thumbnail is { } thumbnail)
        {
            AddThumbnail(html, input, thumbnail);
        }

        foreach (HeatmapFigure figure in input.Heatmaps)
        {
            string title = Wording.MapTitle(figure.Map, figure.Quantity, figure.Task);
            html.Add($"<figure><img width=\"{figure.Picture.Width}\" height=\"{figure.Picture.Height}\" alt=\"Heatmap over the slide. {title}\" src=\"{figure.Picture}\">");
            html.Add($"{Scale(figure)}<figcaption><b>{title}</b> ({figure.Model}). {Wording.MapCaption(figure.Quantity, figure.ClassLabels)}</figcaption></figure>\n");
        }

        html.Add($"</div>\n");
        foreach (MapEvidence evidence in input.Summary.Evidence)
        {
            AddTiles(html, evidence, isTop: true, input.Tiles);
            AddTiles(html, evidence, isTop: false, input.Tiles);
        }
    }

    private static Markup Scale(HeatmapFigure figure)
    {
        string stops = string.Join(",", Enumerable.Range(0, 17).Select(i => figure.Colours[i / 16.0]).Select(c => $"#{c.R:x2}{c.G:x2}{c.B:x2}"));
        HtmlBuilder html = new();
        html.Add($"<div class=\"scale\"><i style=\"background:linear-gradient(90deg,{stops})\"></i><p>");
        for (int tick = 0; tick <= 4; tick++)
        {
            double value = figure.Minimum + ((figure.Maximum - figure.Minimum) * tick / 4);
            html.Add($"<span>{Wording.Number(value, figure.Maximum >= 100 ? "0" : "0.00")}</span>");
        }

        return html.Add($"</p></div>").ToMarkup();
    }

    private static void AddThumbnail(HtmlBuilder html, SlideReportInput input, ReportPicture thumbnail)
    {
        int pieces = input.Contours.Count;
        string caption = pieces == 0 ? "The slide." : $"The slide with the outline of {pieces} {(pieces == 1 ? "piece" : "pieces")} of tissue.";
        html.Add($"<figure><svg viewBox=\"0 0 {thumbnail.Width} {thumbnail.Height}\" width=\"{thumbnail.Width}\" height=\"{thumbnail.Height}\" role=\"img\" aria-label=\"{caption}\">");
        html.Add($"<image href=\"{thumbnail}\" width=\"{thumbnail.Width}\" height=\"{thumbnail.Height}\"/>");
        if (input.Summary is { Width: long width, Height: long height })
        {
            double strokeWidth = Math.Max(1, Math.Max(thumbnail.Width, thumbnail.Height) / 350.0);
            html.Add($"<path d=\"");
            ContourPath.Write(html.Text, input.Contours, thumbnail.Width / (double)width, thumbnail.Height / (double)height);
            html.Add($"\" fill=\"none\" stroke=\"#0f7a5f\" stroke-width=\"{Wording.Number(strokeWidth, "0.#")}\" stroke-linejoin=\"round\"/>");
        }

        html.Add($"</svg><figcaption>{caption}</figcaption></figure>\n");
    }

    private static void AddTiles(HtmlBuilder html, MapEvidence evidence, bool isTop, IReadOnlyList<EvidenceTile> tiles)
    {
        EvidenceTile[] shown = [.. tiles.Where(t => t.Map == evidence.Map && t.IsTop == isTop).OrderBy(t => t.Rank)];
        if (shown.Length == 0)
        {
            return;
        }

        string end = isTop ? "Highest" : "Lowest";
        html.Add($"<h3>{end} scores. {Wording.MapTitle(evidence.Map, evidence.Quantity, evidence.Task)}</h3>\n<div class=\"tiles\">\n");
        foreach (EvidenceTile tile in shown)
        {
            string score = Wording.Number(tile.Tile.Score, "0.0000");
            ReportPicture picture = new(tile.Jpeg, "image/jpeg", tile.Width, tile.Height);
            html.Add($"<figure><img width=\"{picture.Width}\" height=\"{picture.Height}\" alt=\"Tile {tile.Rank}, score {score}\" src=\"{picture}\">");
            html.Add($"<figcaption>{score}<br>x {tile.Tile.X}<br>y {tile.Tile.Y}</figcaption></figure>\n");
        }

        html.Add($"</div>\n");
    }

    private static void AddFeatureFiles(HtmlBuilder html, SlideSummary slide)
    {
        html.Add($"<h2>Features</h2>\n<p>The features existed already; what was left out of them is not known.</p>\n");
        html.Add($"<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">Taken for</th><th scope=\"col\">Size</th><th scope=\"col\" class=\"n\">Tiles</th><th scope=\"col\">File</th><th scope=\"col\">Encoder it names</th></tr></thead>\n<tbody>\n");
        foreach (StreamSummary stream in slide.Streams)
        {
            FeatureFileUse? file = slide.FeatureFiles.FirstOrDefault(f => f.Stream == stream.Id);
            html.Add($"<tr><th scope=\"row\">{stream.Id}</th><td>{stream.View.SizePx} px, {Wording.Number(stream.View.MicronsPerPixel, "0.####")} µm/px</td>");
            html.Add($"<td class=\"n\">{Wording.Count(stream.Used)}</td><td>{file?.Path}</td><td>{file?.Encoder ?? "none"}</td></tr>\n");
        }

        html.Add($"</tbody>\n</table></div>\n");
    }

    private static void AddTissue(HtmlBuilder html, SlideSummary slide)
    {
        if (slide.TissueMm2 is null && slide.Streams.Count == 0)
        {
            return;
        }

        html.Add($"<h2>Tissue and quality</h2>\n");
        if (slide.TissueMm2 is { } area)
        {
            string pieces = slide.TissuePieces is { } count ? $" in {count} {(count == 1 ? "piece" : "pieces")}" : "";
            html.Add($"<p>{Wording.Number(area, "0.0")} mm² of tissue{pieces}.");
            if (slide.Quality is { } quality)
            {
                double pen = quality.PenShares.Values.Sum();
                string colours = string.Join(", ", quality.PenShares.Where(p => p.Value > 0).OrderBy(p => p.Key).Select(p => $"{p.Key} {Wording.Share(p.Value)}".ToLowerInvariant()));
                html.Add($" {Wording.Share(quality.BackgroundShare)} of the slide is background; ");
                html.Add($"{(pen > 0 ? $"pen marks cover {Wording.Share(pen)} ({colours})" : "no pen marks were found")}; ");
                html.Add($"{Wording.Share(quality.BlurredTissueShare)} of the tissue is blurred.");
            }

            html.Add($"</p>\n");
        }

        if (slide.Streams.Count == 0)
        {
            return;
        }

        html.Add($"<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">Tiles for</th><th scope=\"col\">Size</th><th scope=\"col\" class=\"n\">Planned</th><th scope=\"col\" class=\"n\">Used</th><th scope=\"col\" class=\"n\">Unreadable</th><th scope=\"col\">Left out</th><th scope=\"col\" class=\"n\">Used, blurred</th></tr></thead>\n<tbody>\n");
        foreach (StreamSummary stream in slide.Streams)
        {
            string leftOut = string.Join(", ", stream.LeftOut.Where(r => r.Value > 0).OrderBy(r => r.Key, StringComparer.Ordinal).Select(r => $"{Wording.Count(r.Value)} {Wording.Reason(r.Key)}"));
            html.Add($"<tr><th scope=\"row\">{stream.Id}</th><td>{stream.View.SizePx} px, {Wording.Number(stream.View.MicronsPerPixel, "0.####")} µm/px</td>");
            html.Add($"<td class=\"n\">{Wording.Count(stream.Planned)}</td><td class=\"n\">{Wording.Count(stream.Used)}</td><td class=\"n\">{Wording.Count(stream.Unreadable)}</td>");
            html.Add($"<td>{(leftOut.Length > 0 ? leftOut : "none")}</td><td class=\"n\">{Wording.Count(stream.Blurred)}</td></tr>\n");
        }

        html.Add($"</tbody>\n</table></div>\n");
    }
}
