namespace SlideMesh.Cli.Tests;

/// <summary>The verbs of packages, as a user types them.</summary>
[Collection(OneAfterAnother.Name)]
public sealed class ModelTests(Workplace workplace)
{
    private static string Checkpoint(string name) => Path.Combine(SlideMeshProcess.Repository, "tests/reference/checkpoints", name);

    [Fact]
    public void A_checkpoint_is_imported_verified_against_a_reference_and_measured()
    {
        CliResult imported = workplace.Run("model", "import", Checkpoint("clam.legacy.pt"), "--classes", "LUAD,LSCC", "--task", "subtype", "--out", "imported/clam").Expect(0);
        Assert.Contains("clam 1.0.0 (slide-head, clam-sb)", imported.Out, StringComparison.Ordinal);
        Assert.Contains("not used: instance_classifiers.0.bias", imported.Error, StringComparison.Ordinal);

        CliResult verified = workplace.Run("model", "verify", "imported/clam", "--write-reference", "imported/reference.json").Expect(0);
        Assert.Contains("2 files match their hashes", verified.Out, StringComparison.Ordinal);
        Assert.Contains("within", workplace.Run("model", "verify", "imported/clam", "--against", "imported/reference.json").Expect(0).Out, StringComparison.Ordinal);
        Assert.Contains("tiles in a bag", workplace.Run("model", "bench", "imported/clam", "--batch", "10").Expect(0).Out, StringComparison.Ordinal);

        string path = workplace["imported/other.json"];
        File.WriteAllText(path, """{"tolerance": 1e-4, "outputs": {"bag/logits": [7, 7]}}""");
        CliResult differs = workplace.Run("model", "verify", "imported/clam", "--against", path).Expect(2);
        Assert.Contains("EXCEEDS", differs.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void A_head_with_omics_is_measured_with_some_numbers_for_them()
    {
        string omics = workplace["omics-features.csv"];
        File.WriteAllText(omics, "name,mean,std\n" + string.Concat(Enumerable.Range(0, 140).Select(g => $"GENE{g},0,1\n")));
        string checkpoint = workplace["amil-omics.safetensors"];
        string architecture = HeadCheckpoint.Write("amil-survival-omics", checkpoint);
        workplace.Run("model", "import", checkpoint, "--arch", architecture, "--omics-features", omics, "--out", "imported/omics").Expect(0);

        CliResult measured = workplace.Run("model", "bench", "imported/omics", "--batch", "10", "--once").Expect(0);

        Assert.StartsWith("10 ", measured.Out.TrimEnd().Split('\n')[^1].TrimStart(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("hostile-system.pt", 2, "names 'posix.system'")]
    [InlineData("nowhere.pt", 2, "nowhere.pt: does not exist; check the path.")]
    [InlineData("types.pt", 2, "holds keys of no architecture that is known")]
    public void What_cannot_be_imported_is_one_line(string file, int code, string words)
    {
        workplace.Run("model", "import", Checkpoint(file), "--out", "never").ExpectOneLine(code, words);
        Assert.False(Directory.Exists(workplace["never"]));
    }

    [Fact]
    public void A_place_that_holds_something_is_refused_with_4()
    {
        workplace.Run("model", "import", Checkpoint("clam.pt"), "--out", "good").ExpectOneLine(4, "exists already");
    }
}
