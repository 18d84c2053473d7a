using System.Text;

namespace SlideMesh.Cli.Tests;

[Collection(OneAfterAnother.Name)]
public sealed class OmicsTests(Workplace workplace)
{
    [Fact]
    public void Bad_rows_are_found_and_harm_only_their_own_case()
    {
        const int Genes = 200;
        StringBuilder table = new("case_id,note," + string.Join(',', Enumerable.Range(1, Genes).Select(g => $"GENE{g:000}")) + "\n");
        void Row(string id, string first) => table.Append($"{id},free text,{first},{string.Join(',', Enumerable.Repeat("0.5", Genes - 1))}\n");
        Row("a", "1.5");
        Row("b", "plenty");
        Row("ghost", "1");
        File.WriteAllText(workplace["omics.csv"], table.ToString());
        string output = workplace.NewOutput();
        workplace.Run("run", "good", "--out", output, "--omics", "omics.csv", "--quiet").Expect(0);

        OutputTree tree = workplace.Tree(output);
        Assert.Equal(["used", "invalid", "case-missing"], Workplace.Good.Select(slide => tree.Slide(slide)["omics"]));
        Assert.Equal(["true", "false", "false"], Workplace.Good.Select(slide => tree.Slide(slide)["grade_fused"]));
        Assert.All(Workplace.Good, slide => Assert.Equal("done", tree.Slide(slide)["state"]));
        Dictionary<string, string>[] findings = [.. tree.Table("failures.csv").Where(row => row["scope"] == "omics")];
        Assert.Equal([("b", "omics-not-a-number"), ("", "omics-unknown-case")], findings.Select(f => (f["slide_id"], f["reason"])));
        Assert.Contains("'plenty' is not a number", findings[0]["detail"], StringComparison.Ordinal);
        Assert.Contains("ghost", findings[1]["detail"], StringComparison.Ordinal);

        // A slide without omics says what it says in a run without any.
        foreach (string column in new[] { "grade", "grade_expected", "tmb_high_probability", "origin" })
        {
            Assert.Equal(workplace.Undisturbed.Slide("b")[column], tree.Slide("b")[column]);
            Assert.Equal(workplace.Undisturbed.Slide("a")[column], tree.Slide("a")[column + "_slide_only"]);
        }

        PrivacyTests.AssertNowhere(tree, workplace.Root);
    }

    [Fact]
    public void Table_that_cannot_be_used_at_all_stops_before_any_work()
    {
        File.WriteAllText(workplace["broken.csv"], "name,GENE001\na,1\n");
        workplace.Run("run", "good", "--out", workplace.NewOutput(), "--omics", "broken.csv").ExpectOneLine(2, "no column 'case_id'");
        workplace.Run("run", "good", "--out", workplace.NewOutput(), "--omics", "nowhere.csv").ExpectOneLine(2, "nowhere.csv: the omics table does not exist; check the path");
    }
}
