using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using SlideMesh.Prediction;
using SlideMesh.Reporting.Html;
using SlideMesh.Reporting.Tables;

namespace SlideMesh.Reporting.Tests;

public sealed partial class HtmlReportTests
{
    private const string Hostile = "<script>alert(1)</script>\"onerror='x' & <img src=http://evil.example/a.png>";

    [Fact]
    public void Hostile_names_are_escaped_everywhere()
    {
        SlideReportInput input = MadeUpReports.Slide();
        SlideSummary hostile = input.Summary with
        {
            SlideId = Hostile,
            CaseId = Hostile,
            Path = Hostile,
            Vendor = Hostile,
            Fingerprint = Hostile,
            State = SlideState.Failed,
            Reason = Hostile,
            Detail = Hostile,
            SoftwareVersion = Hostile,
            Notes = [Hostile],
            Omics = new OmicsUse(OmicsStatus.Invalid, Hostile, 0, 1, Hostile),
            Tasks = [.. input.Summary.Tasks.Select(t => t with { Task = Hostile, Members = [.. t.Members.Select(m => m with { Model = Hostile })] })],
            Streams = [.. input.Summary.Streams.Select(s => s with { Id = Hostile, LeftOut = new Dictionary<string, int> { [Hostile] = 1 } })],
            Models = [.. input.Summary.Models.Select(m => m with { Name = Hostile, Version = Hostile, Sha256 = "<script>", TrainedOn = Hostile, IntendedUse = Hostile })],
        };
        string slide = Text(Page(input with { Summary = hostile, Heatmaps = [.. input.Heatmaps.Select(h => h with { Map = Hostile, Task = Hostile, Model = Hostile })] }));
        string run = Text(Page(MadeUpReports.Run() with
        {
            Title = Hostile,
            Slides = [new RunReportSlide(hostile, "slides/" + Hostile + "/report.html", null)],
            Failures = [new FailureRow(Hostile, Hostile, Hostile, Hostile, Hostile)],
            TileFailures = [new TileFailureCount(Hostile, Hostile, Hostile, 3)],
            Models = hostile.Models,
        }));

        foreach (string page in (string[])[slide, run])
        {
            Assert.Contains("&lt;script&gt;alert(1)", page, StringComparison.Ordinal);
            AssertSelfContained(page);
        }
    }

    [Fact]
    public void Pages_refer_to_nothing_outside_of_themselves()
    {
        AssertSelfContained(Text(Page(MadeUpReports.Slide())));
        AssertSelfContained(Text(Page(MadeUpReports.Run())));
    }

    [Fact]
    public void Every_picture_has_a_text_and_every_table_headers()
    {
        foreach (string page in (string[])[Text(Page(MadeUpReports.Slide())), Text(Page(MadeUpReports.Run()))])
        {
            Assert.All(Images().Matches(page), image => Assert.Matches("alt=\"[^\"]+\"", image.Value));
            Assert.Equal(page.Split("<table>").Length, page.Split("<thead>").Length);
            Assert.DoesNotContain("<th>", page, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Slide_report_tells_the_answers_and_how_sure_they_are()
    {
        string page = WebUtility.HtmlDecode(Text(Page(MadeUpReports.Slide()))).Replace('\u00A0', ' ');
        foreach (string fact in (string[])
            ["Grade 3", "71 %", "entropy 0.70", "grade-transmil says Grade 2", "14.2 mutations/Mb", "slide alone: High (55 %)", "Breast", "26.6 mm²",
             "14 mostly background, 7 mostly pen", "188 of 200 features", "not for diagnosis", "b2a2ab2ae9a5", "blue 1.2 %"])
        {
            Assert.Contains(fact, page, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Banner_stands_only_over_models_trained_on_synthetic_slides()
    {
        SlideReportInput input = MadeUpReports.Slide();
        SlideSummary real = input.Summary with { Models = [.. input.Summary.Models.Select(m => m with { Synthetic = false })] };
        Assert.DoesNotContain("Demonstration models", Text(Page(input with { Summary = real })), StringComparison.Ordinal);
    }

    [Fact]
    public void Failed_slide_has_a_page_with_its_reason()
    {
        SlideSummary failed = MadeUpReports.Run().Slides[2].Summary;
        string page = Text(Page(new SlideReportInput { Summary = failed }));
        Assert.Contains("could not be used (truncated)", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<h2>", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_report_counts_states_and_shows_counts_of_tiles()
    {
        string page = Text(Page(MadeUpReports.Run()));
        Assert.Contains("<b>2</b> done", page, StringComparison.Ordinal);
        Assert.Contains("<b>1</b> failed", page, StringComparison.Ordinal);
        Assert.Contains("TCGA-A1-0001</th><td>2 tiles of toy-encoder</td><td>tile-unreadable", page, StringComparison.Ordinal);
        Assert.Contains("TCGA-A1-0002</th><td>1 tile of toy-encoder</td><td>tile-unreadable", page, StringComparison.Ordinal);
        Assert.Contains("href=\"./slides/TCGA-A1-0001/report.html\"", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Notes_stand_beside_the_answers_and_in_the_row_of_the_run()
    {
        const string Note = "demo-tmb-5x was left out: the slide has no tile for it.";
        SlideReportInput input = MadeUpReports.Slide();
        SlideSummary noted = input.Summary with { Notes = [Note] };
        string slide = Text(Page(input with { Summary = noted }));
        string run = Text(Page(MadeUpReports.Run() with { Slides = [new RunReportSlide(noted, null, null)] }));

        Assert.InRange(slide.IndexOf(Note, StringComparison.Ordinal), slide.IndexOf("class=\"cards\"", StringComparison.Ordinal), slide.IndexOf("<h2>", StringComparison.Ordinal));
        Assert.Contains(Note, run, StringComparison.Ordinal);
        Assert.DoesNotContain("class=\"note", Text(Page(input)), StringComparison.Ordinal);
    }

    [Fact]
    public void Invalid_omics_say_why_once()
    {
        SlideReportInput input = MadeUpReports.Slide();
        SlideSummary invalid = input.Summary with { Omics = new OmicsUse(OmicsStatus.Invalid, "C7", 0, 200, "line 4, column TP53 is no number.") };
        string page = Text(Page(input with { Summary = invalid }));

        Assert.Contains("case C7 could not be read (line 4, column TP53 is no number).", page, StringComparison.Ordinal);
        Assert.Equal(2, page.Split("TP53").Length);
    }

    [Fact]
    public void Same_input_makes_the_same_bytes()
    {
        Assert.Equal(Page(MadeUpReports.Slide()), Page(MadeUpReports.Slide()));
        Assert.Equal(Page(MadeUpReports.Run()), Page(MadeUpReports.Run()));
    }

    [Theory]
    [InlineData(12_287)]
    [InlineData(12_288)]
    [InlineData(40_001)]
    public void Picture_of_many_pieces_is_whole(int length)
    {
        byte[] bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        SlideReportInput input = MadeUpReports.Slide() with { Thumbnail = new ReportPicture(bytes, "image/jpeg", 30, 20) };

        Assert.Contains($"\"data:image/jpeg;base64,{Convert.ToBase64String(bytes)}\"", Text(Page(input)), StringComparison.Ordinal);
    }

    private static void AssertSelfContained(string page)
    {
        Assert.DoesNotContain("<script", page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("<link", page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("@import", page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("url(", page, StringComparison.OrdinalIgnoreCase);
        string markup = string.Concat(Tags().Matches(page).Select(m => m.Value));
        Assert.All(References().Matches(markup), m => Assert.Matches("^(data:image/|\\./)", m.Groups[1].Value));
        Assert.DoesNotMatch(" on[a-z]+=", markup.Replace("&#39;", "", StringComparison.Ordinal).Replace("&quot;onerror", "", StringComparison.Ordinal));
    }

    private static byte[] Page(SlideReportInput input) => Page(stream => SlideReport.Write(stream, input));

    private static byte[] Page(RunReportInput input) => Page(stream => RunReport.Write(stream, input));

    private static byte[] Page(Action<Stream> write)
    {
        using MemoryStream page = new();
        write(page);
        return page.ToArray();
    }

    private static string Text(byte[] page) => Encoding.UTF8.GetString(page);

    [GeneratedRegex("<img [^>]*>")]
    private static partial Regex Images();

    [GeneratedRegex("<[a-zA-Z][^>]*>")]
    private static partial Regex Tags();

    [GeneratedRegex(" (?:src|href|action|data)=\"([^\"]*)\"")]
    private static partial Regex References();
}
