using System.Text;
using SlideMesh.Inference.Packages;
using SlideMesh.Prediction;
using SlideMesh.Reporting.Tables;

namespace SlideMesh.Reporting.Tests;

public sealed class TableTests
{
    [Fact]
    public void Slides_table_has_the_columns_of_the_known_tasks()
    {
        Dictionary<string, string> row = Rows([MadeUp.Summary()])[0];
        Assert.Equal("3", row["grade"]);
        Assert.Equal("3", row["grade_slide_only"]);
        Assert.Equal("1.63", row["grade_expected"]);
        Assert.Equal("0.82", row["tmb_high_probability"]);
        Assert.Equal("0.55", row["tmb_high_probability_slide_only"]);
        Assert.Equal("14.2", row["mutations_per_mb"]);
        Assert.Equal("true", row["tmb_fused"]);
        Assert.Equal("breast", row["origin"]);
        Assert.Equal("0.9", row["origin_probability"]);
        Assert.Equal("", row["origin_slide_only"]);
        Assert.Equal("0.02", row["origin_p_colon and rectum"]);
        Assert.Equal("2", row["tiles_unreadable"]);
        Assert.Equal("42", row["tiles_left_out"]);
        Assert.Equal("vendor-property", row["mpp_source"]);
    }

    [Fact]
    public void Slides_table_takes_other_tasks_by_their_name_after_the_known_ones()
    {
        TaskPrediction msi = new("msi", new TaskAnswer { Type = OutputType.Categorical, Labels = ["mss", "msi"], Probabilities = [0.25, 0.75], Label = "msi" }, null, false, []);
        List<Dictionary<string, string>> rows = Rows([MadeUp.Summary() with { Tasks = [msi] }, MadeUp.Summary("b")]);
        Assert.Equal("msi", rows[0]["msi"]);
        Assert.Equal("0.75", rows[0]["msi_p_msi"]);
        Assert.Equal("", rows[1]["msi"]);
        Assert.Equal("", rows[0]["grade"]);
        string[] header = [.. rows[0].Keys];
        Assert.True(Array.IndexOf(header, "msi") > Array.IndexOf(header, "origin"));
    }

    [Fact]
    public void Failed_slide_has_its_reason_and_empty_cells()
    {
        SlideSummary failed = new() { SoftwareVersion = "0", SlideId = "x", Path = "x.svs", State = SlideState.Failed, Reason = "not-a-slide", Detail = "a text file" };
        Dictionary<string, string> row = Rows([failed, MadeUp.Summary()])[0];
        Assert.Equal(("failed", "not-a-slide", "a text file", "", ""), (row["state"], row["reason"], row["detail"], row["width"], row["grade"]));
    }

    [Fact]
    public void Fields_with_commas_quotes_and_line_breaks_are_quoted()
    {
        using MemoryStream stream = new();
        FailuresTable.Write(stream, [new("a,b", "x\"y.svs", "tile", "tile-unreadable", "two\nlines", 512, 0, "enc"), new("c", "c.svs", "slide", "not-a-slide", "")]);
        Assert.Equal(
            "slide_id,path,scope,reason,detail,x,y,stream\n\"a,b\",\"x\"\"y.svs\",tile,tile-unreadable,\"two\nlines\",512,0,enc\nc,c.svs,slide,not-a-slide,,,,\n",
            Encoding.UTF8.GetString(stream.ToArray()));
    }

    [Theory]
    [InlineData("=HYPERLINK(1)", "'=HYPERLINK(1)")]
    [InlineData("+1", "'+1")]
    [InlineData("-1", "'-1")]
    [InlineData("@SUM(A1)", "'@SUM(A1)")]
    [InlineData("\t=1", "'\t=1")]
    [InlineData("a=1", "a=1")]
    [InlineData("'=1", "'=1")]
    public void Paths_and_details_are_no_formulas_and_ids_stay_exact(string text, string cell)
    {
        using MemoryStream stream = new();
        FailuresTable.Write(stream, [new(text, text, "slide", "not-a-slide", text)]);
        Assert.Equal($"slide_id,path,scope,reason,detail,x,y,stream\n{text},{cell},slide,not-a-slide,{cell},,,\n", Encoding.UTF8.GetString(stream.ToArray()));

        SlideSummary failed = new() { SoftwareVersion = "0", SlideId = text, CaseId = text, Path = text, State = SlideState.Failed, Reason = "not-a-slide", Detail = text };
        Dictionary<string, string> row = Rows([failed])[0];
        Assert.Equal((text, text, cell, cell), (row["slide_id"], row["case_id"], row["path"], row["detail"]));
    }

    [Fact]
    public void Timings_are_seconds_to_the_millisecond()
    {
        using MemoryStream stream = new();
        TimingsTable.Write(stream, [new("a", "infer", "enc", TimeSpan.FromMilliseconds(12345.678), 99)]);
        Assert.Equal("slide_id,stage,stream,seconds,tiles\na,infer,enc,12.346,99\n", Encoding.UTF8.GetString(stream.ToArray()));
    }

    [Fact]
    public void Wsinfer_table_has_a_probability_per_class()
    {
        using MemoryStream stream = new();
        WsinferTable.Write(stream, new ArrayBag([0.25f, 0.75f, 1, 0], [0, 512, 1024, 512], 2), ["other", "tumor"]);
        Assert.Equal(
            "minx,miny,width,height,prob_other,prob_tumor\n0,512,512,512,0.25,0.75\n1024,512,512,512,1,0\n",
            Encoding.UTF8.GetString(stream.ToArray()));
    }

    // The made-up summaries need no quotes.
    private static List<Dictionary<string, string>> Rows(IReadOnlyList<SlideSummary> slides)
    {
        using MemoryStream stream = new();
        SlidesTable.Write(stream, slides);
        string[][] lines = [.. Encoding.UTF8.GetString(stream.ToArray()).TrimEnd('\n').Split('\n').Select(l => l.Split(','))];
        return [.. lines.Skip(1).Select(l => lines[0].Zip(l).ToDictionary(p => p.First, p => p.Second))];
    }
}
