using System.Text.Json;

namespace SlideMesh.Cli.Tests;

/// <summary>Heads on features that exist already.</summary>
[Collection(OneAfterAnother.Name)]
public sealed class PredictTests(Workplace workplace)
{
    private static readonly string Demo = Path.Combine(SlideMeshProcess.Repository, "tools/demo-models");

    private const string View = "20x_256px_0px_overlap";

    /// <summary>What a run says of a slide that heads alone decide.</summary>
    private static readonly string[] Told = ["tasks", "notes", "evidence", "omics", "fingerprint", "width", "height", "micronsPerPixel", "models"];

    [Fact]
    public void Predictions_and_pictures_from_features_are_those_of_a_run_byte_for_byte()
    {
        string output = workplace.NewOutput();
        workplace.Run("predict", workplace.Embedded.Root, "--models", Demo, "--slides", "good", "--out", output, "--quiet").Expect(0);

        OutputTree predicted = workplace.Tree(output);
        foreach (string slide in Workplace.Good)
        {
            string[] pictures = [.. workplace.Undisturbed.All().Where(f => f.StartsWith($"slides/{slide}/", StringComparison.Ordinal) && (f.Contains("/heatmaps/", StringComparison.Ordinal) || f.Contains("/tiles/", StringComparison.Ordinal) || f.EndsWith("thumbnail.jpg", StringComparison.Ordinal)))];
            Assert.NotEmpty(pictures);
            Assert.All(pictures, f => Assert.Equal(File.ReadAllBytes(workplace.Undisturbed.At(f)), File.ReadAllBytes(predicted.At(f))));
            (JsonElement run, JsonElement predict) = (Summary(workplace.Undisturbed, slide), Summary(predicted, slide));
            Assert.All(Told, field => Assert.Equal(run.GetProperty(field).GetRawText(), predict.GetProperty(field).GetRawText()));
            Assert.Equal(3, predict.GetProperty("featureFiles").GetArrayLength());
            Dictionary<string, string> row = predicted.Slide(slide);
            Assert.All(
                workplace.Undisturbed.Slide(slide).Where(c => c.Key is not ("path" or "tissue_mm2" or "tiles_unreadable" or "tiles_left_out")),
                cell => Assert.Equal(cell.Value, row[cell.Key]));
            Assert.Equal(("", "", ""), (row["tissue_mm2"], row["tiles_unreadable"], row["tiles_left_out"]));
        }

        Assert.Empty(predicted.Table("failures.csv"));
        AssertNowhere(predicted);
    }

    [Fact]
    public void Features_of_a_run_serve_too_and_without_slides_there_are_scores_and_maps()
    {
        string output = workplace.NewOutput();
        workplace.Run("predict", workplace.Undisturbed.Root, "--models", "demo-origin", "--out", output, "--quiet").Expect(0);
        OutputTree predicted = workplace.Tree(output);
        Assert.Equal(
            ["origin.csv", "origin.geojson", "origin.tif", "site.csv", "site.geojson", "site.tif"],
            Directory.EnumerateFiles(predicted.At("slides/b/heatmaps")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        AssertSameFile("slides/b/heatmaps/origin.csv", workplace.Undisturbed, predicted);
        AssertSameFile("slides/b/heatmaps/origin.tif", workplace.Undisturbed, predicted);
        Assert.False(File.Exists(predicted.At("slides/b/thumbnail.jpg")));
        Assert.True(File.Exists(predicted.At("slides/b/report.html")));
    }

    [Fact]
    public void Slide_that_cannot_be_read_or_is_another_costs_the_pictures_only()
    {
        Directory.CreateDirectory(workplace["others"]);
        File.WriteAllText(workplace["others/a.tiff"], "This is no slide.\n");
        File.Copy(workplace["good/c.tiff"], workplace["others/b.tiff"]);
        string output = workplace.NewOutput();
        CliResult result = workplace.Run("predict", workplace.Embedded.At($"{View}/features_demo-encoder"), "--models", "demo-origin", "--slides", "others", "--out", output, "--quiet").Expect(0);

        OutputTree tree = workplace.Tree(output);
        Assert.Contains("1 of 3 slides are not in others", result.Error, StringComparison.Ordinal);
        Assert.Contains("slide 'b.tiff' is not the file that the features were made from", Notes(tree, "b"), StringComparison.Ordinal);
        Assert.Equal("[]", Notes(tree, "c"));
        Assert.DoesNotContain(tree.All(), file => file.EndsWith(".jpg", StringComparison.Ordinal) || file.EndsWith(".png", StringComparison.Ordinal));
        Assert.All(Workplace.Good, slide => AssertTasks(Summary(workplace.Undisturbed, slide), Summary(tree, slide)));

        // CLAM's features do not say which slide they are of.
        string trusting = workplace.NewOutput();
        workplace.Run("predict", $"{Tools()}/clam/h5_files/a.h5", "--models", "demo-origin", "--slides", "others", "--out", trusting, "--quiet").Expect(0);
        Assert.Contains("slide 'a.tiff' cannot be used (not-a-slide): no pictures of it", Notes(workplace.Tree(trusting), "a"), StringComparison.Ordinal);

        // As JSON escapes it.
        static string Notes(OutputTree tree, string slide) => Summary(tree, slide).GetProperty("notes").GetRawText().Replace(@"\u0027", "'", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("clam", true)]
    [InlineData("trident", false)]
    public void Features_in_the_layout_of_another_tool_give_the_answers_of_a_run(string tool, bool onTrust)
    {
        string tools = Tools();
        string output = workplace.NewOutput();
        CliResult result = workplace.Run("predict", $"{tools}/{tool}", "--models", "demo-origin", "--out", output, "--quiet").Expect(0);
        foreach (string slide in Workplace.Good)
        {
            JsonElement predicted = Summary(workplace.Tree(output), slide);
            AssertTasks(Summary(workplace.Undisturbed, slide), predicted);
            Assert.Equal(onTrust, predicted.GetProperty("notes").EnumerateArray().Any(n => n.GetString()!.Contains("taken on trust", StringComparison.Ordinal)));
            AssertSameFile($"slides/{slide}/heatmaps/origin.csv", workplace.Undisturbed, workplace.Tree(output));
            AssertSameFile($"slides/{slide}/heatmaps/origin.geojson", workplace.Undisturbed, workplace.Tree(output));
        }

        Assert.Equal(onTrust, result.Error.Contains("3 of 3 slides do not name their encoder", StringComparison.Ordinal));
    }

    [Fact]
    public void Clams_tensors_give_the_answers_of_a_run_and_scores_by_row()
    {
        string output = workplace.NewOutput();
        workplace.Run("predict", $"{Tools()}/clam/pt_files", "--models", "demo-origin", "--out", output, "--quiet").Expect(0);
        OutputTree tree = workplace.Tree(output);
        foreach (string slide in Workplace.Good)
        {
            AssertTasks(Summary(workplace.Undisturbed, slide), Summary(tree, slide));
            Assert.Equal("torch", Summary(tree, slide).GetProperty("featureFiles")[0].GetProperty("format").GetString());
            string[] placed = [.. File.ReadLines(workplace.Undisturbed.At($"slides/{slide}/heatmaps/origin.csv")).Skip(1).Select(line => line.Split(',')[^1])];
            string[] byRow = [.. File.ReadLines(tree.At($"slides/{slide}/heatmaps/origin.csv")).Skip(1)];
            Assert.Equal(placed.Select((score, row) => $"{row},{score}"), byRow);
        }
    }

    [Fact]
    public void Stamps_features_count_by_their_half_precision_and_are_placed_when_the_scale_is_known()
    {
        string tools = Tools();
        (string halved, string unplaced, string placed) = (workplace.NewOutput(), workplace.NewOutput(), workplace.NewOutput());
        workplace.Run("predict", $"{tools}/half", "--models", "demo-origin", "--out", halved, "--quiet").Expect(0);
        workplace.Run("predict", $"{tools}/stamp", "--models", "demo-origin", "--out", unplaced, "--quiet").Expect(0);
        File.WriteAllText(workplace["scales.csv"], "slide_id,mpp\na,0.5\nb,1\nc,0.5\n");
        workplace.Run("predict", $"{tools}/stamp", "--models", "demo-origin", "--out", placed, "--manifest", "scales.csv", "--quiet").Expect(0);

        foreach (string slide in Workplace.Good)
        {
            AssertTasks(Summary(workplace.Tree(halved), slide), Summary(workplace.Tree(unplaced), slide));
            AssertTasks(Summary(workplace.Tree(halved), slide), Summary(workplace.Tree(placed), slide));
            // The same corners and sizes as in the file that counts in pixels.
            AssertSameFile($"slides/{slide}/heatmaps/origin.csv", workplace.Tree(halved), workplace.Tree(placed));
            Assert.Equal(["site.csv", "origin.csv"], Directory.EnumerateFiles(workplace.Tree(unplaced).At($"slides/{slide}/heatmaps")).Select(Path.GetFileName).OrderDescending(StringComparer.Ordinal));
        }

        string first = File.ReadLines(workplace.Tree(unplaced).At("slides/a/heatmaps/origin.csv")).First();
        Assert.Equal("x_um,y_um,score", first);
        Assert.Contains(Summary(workplace.Tree(unplaced), "a").GetProperty("notes").EnumerateArray(), n => n.GetString()!.Contains("microns per pixel are not known", StringComparison.Ordinal));
    }

    [Fact]
    public void Each_file_that_cannot_be_used_has_its_own_reason_and_the_others_are_done()
    {
        workplace.Python("write_features.py", "odd", workplace.Embedded.At($"{View}/features_demo-encoder/a.h5"), "odd");
        string output = workplace.NewOutput();
        CliResult result = workplace.Run("predict", "odd", "--models", "demo-origin", "--out", output, "--quiet").Expect(3);

        OutputTree tree = workplace.Tree(output);
        JsonElement run = Summary(workplace.Undisturbed, "a");
        foreach (string unusual in new[] { "good", "double", "batch", "compressed", "fixed-text", "without-coords", "old-tensor" })
        {
            AssertTasks(run, Summary(tree, unusual));
        }

        Assert.Equal("done", tree.Slide("half-tensor")["state"]);
        Assert.False(File.Exists(workplace["evil-was-here"]), "code of a pickle was run");

        Assert.Equal("row,score", File.ReadLines(tree.At("slides/without-coords/heatmaps/origin.csv")).First());
        Dictionary<string, string> reasons = new()
        {
            ["text"] = "not-features",
            ["cut"] = "features-damaged",
            ["other"] = "not-features",
            ["places-only"] = "not-features",
            ["vector"] = "features-shape",
            ["cube"] = "features-shape",
            ["integers"] = "features-shape",
            ["short"] = "length-mismatch",
            ["wide"] = "feature-width",
            ["nan"] = "non-finite-feature",
            ["beyond-float"] = "non-finite-feature",
            ["no-tiles"] = "empty-bag",
            ["nowhere"] = "features-damaged",
            ["resnet"] = "encoder-mismatch",
            ["other-weights"] = "encoder-mismatch",
            ["large-tiles"] = "tile-mismatch",
            ["endless"] = "too-large",
            ["dict"] = "not-features",
            ["evil"] = "not-features",
            ["transposed"] = "features-shape",
            ["whole-numbers"] = "features-shape",
            ["elsewhere"] = "features-elsewhere",
            ["linked"] = "features-elsewhere",
            ["virtual"] = "features-elsewhere",
        };
        IReadOnlyList<Dictionary<string, string>> failures = tree.Table("failures.csv");
        Assert.Equal(
            reasons.OrderBy(r => r.Key, StringComparer.Ordinal).Select(r => (r.Key, r.Value)),
            failures.Select(f => (f["slide_id"], f["reason"])).Order());
        Assert.All(failures, f => Assert.True(Path.ChangeExtension(f["path"], null) == $"odd/{f["slide_id"]}" && f["detail"].Length > 20, f["detail"]));
        Assert.Contains("failed: resnet: encoder-mismatch: 'odd/resnet.h5' says that encoder 'resnet50' made it", result.Out, StringComparison.Ordinal);
        AssertNowhere(tree);

        // What the user vouches for is used, and said.
        string vouched = workplace.NewOutput();
        workplace.Run("predict", "odd/resnet.h5", "odd/large-tiles.h5", "--models", "demo-origin", "--out", vouched, "--encoder-alias", "ResNet50=demo-encoder", "--any-tiles", "--quiet").Expect(0);
        AssertTasks(run, Summary(workplace.Tree(vouched), "resnet"));
        Assert.Contains("512 px at 0.5 um/px", Summary(workplace.Tree(vouched), "large-tiles").GetProperty("notes")[0].GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Prediction_killed_and_started_again_computes_no_finished_slide_again_and_ends_with_the_same_bytes()
    {
        Directory.CreateDirectory(workplace["many"]);
        for (int i = 0; i < 24; i++)
        {
            File.Copy(workplace.Embedded.At($"{View}/features_demo-encoder/{Workplace.Good[i % 3]}.h5"), workplace[$"many/s{i:00}.h5"]);
        }

        (string output, string undisturbed) = (workplace.NewOutput(), workplace.NewOutput());
        string[] command = ["predict", "many", "--models", "demo-origin", "demo-grade-mil", "--json", "--slides-in-flight", "1"];
        workplace.Run([.. command, "--out", undisturbed]).Expect(0);
        foreach (int slides in new[] { 1, 5 })
        {
            using SlideMeshProcess run = workplace.Start([.. command, "--out", output]);
            run.WaitForEvent("slide-done", slides);
            run.Signal("KILL");
            Assert.Equal(137, run.WaitForEnd().ExitCode);
        }

        string[] finished = [.. Directory.EnumerateFiles(workplace[$"{output}/slides"], "ledger.json", SearchOption.AllDirectories).Select(f => Path.GetFileName(Path.GetDirectoryName(f)!)).Order(StringComparer.Ordinal)];
        Assert.InRange(finished.Length, 5, 23);
        CliResult last = workplace.Run([.. command, "--out", output]).Expect(0);
        Assert.Equal(finished, last.Named("slide-done").Where(e => e.GetProperty("resumed").GetBoolean()).Select(e => e.GetProperty("slide").GetString()).Order(StringComparer.Ordinal));
        workplace.Tree(output).AssertSameAs(workplace.Tree(undisturbed));

        // A change of one file makes its slide again, and no other.
        File.Copy(workplace["many/s01.h5"], workplace["many/s00.h5"], overwrite: true);
        CliResult changed = workplace.Run([.. command, "--out", output]).Expect(0);
        Assert.Equal("s00", Assert.Single(changed.Named("slide-done"), e => !e.GetProperty("resumed").GetBoolean()).GetProperty("slide").GetString());
    }

    [Fact]
    public void Manifest_names_the_cohort_and_its_covariates()
    {
        File.WriteAllText(workplace["cases.csv"], "slide_id,case_id,is_female\na.svs,CASE-1,1\nghost,CASE-2,0\n");
        string output = workplace.NewOutput();
        CliResult result = workplace.Run("predict", workplace.Embedded.At($"{View}/features_demo-encoder"), "--models", "demo-origin", "--manifest", "cases.csv", "--out", output, "--quiet").Expect(3);
        OutputTree tree = workplace.Tree(output);
        Assert.Equal([("a.svs", "done", ""), ("ghost", "failed", "features-missing")], tree.Table("slides.csv").Select(s => (s["slide_id"], s["state"], s["reason"])));
        Assert.Equal("CASE-1", tree.Slide("a.svs")["case_id"]);
        Assert.Contains("2 of 3 slides with features are not in 'cases.csv'", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Views_that_are_missing_are_named_with_what_there_is()
    {
        string output = workplace.NewOutput();
        CliResult result = workplace.Run("predict", workplace.Embedded.At(View), "--models", "demo-tmb-5x", "--out", output, "--quiet").Expect(3);
        Assert.Contains("tiles of 256 px at 0.5 um/px; demo-tmb-5x wants 256 px at 2 um/px", result.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("predict --models demo-origin --out never", "no features given")]
    [InlineData("predict good --models demo-origin --out never", "no features in folder 'good'")]
    [InlineData("predict good/a.tiff --models demo-origin --out never", "is no features file")]
    [InlineData("predict nowhere --models demo-origin --out never", "'nowhere' does not exist")]
    [InlineData("predict embedded --out never", "--models")]
    [InlineData("predict embedded --models demo-encoder --out never", "name slide heads or tile classifiers")]
    [InlineData("predict embedded --models demo-origin --out never --fast", "there is no option '--fast'")]
    [InlineData("predict embedded --models demo-origin --out never --encoder-alias uni", "--encoder-alias 'uni' is not NAME=PACKAGE")]
    [InlineData("predict embedded --models demo-origin --out never --encoder-alias a=uni", "no model wants encoder 'uni'; they want demo-encoder")]
    [InlineData("predict embedded --models demo-origin --out never --manifest good.csv", "no slide in common")]
    [InlineData("predict embedded --models demo-fusion --out never", "fuses")]
    public void Arguments_that_make_no_sense_exit_with_2_in_one_line(string arguments, string expected)
    {
        Assert.True(Directory.Exists(workplace.Embedded.Root));
        File.WriteAllText(workplace["good.csv"], "slide_id\nx\ny\n");
        workplace.Run(arguments.Split(' ')).ExpectOneLine(2, expected);
        Assert.False(Directory.Exists(workplace["never"]), "nothing is to be made");
    }

    /// <summary>The good slides' features in every tool's layout, made once.</summary>
    private string Tools()
    {
        if (!Directory.Exists(workplace["tools"]))
        {
            foreach (string slide in Workplace.Good)
            {
                workplace.Python("write_features.py", "tools", workplace.Embedded.At($"{View}/features_demo-encoder/{slide}.h5"), "tools", slide);
            }
        }

        return "tools";
    }

    private static JsonElement Summary(OutputTree tree, string slide) =>
        JsonDocument.Parse(File.ReadAllBytes(tree.At($"slides/{slide}/predictions.json"))).RootElement;

    /// <summary>Origin and site, on which demo-origin answers alone, to the last digit.</summary>
    private static void AssertTasks(JsonElement expected, JsonElement found)
    {
        string[] Tasks(JsonElement summary) =>
            [.. summary.GetProperty("tasks").EnumerateArray().Where(t => t.GetProperty("task").GetString() is "origin" or "site").Select(t => t.GetRawText())];
        Assert.Equal(2, Tasks(expected).Length);
        Assert.Equal(Tasks(expected), Tasks(found));
    }

    private static void AssertSameFile(string file, OutputTree expected, OutputTree found) =>
        Assert.Equal(File.ReadAllBytes(expected.At(file)), File.ReadAllBytes(found.At(file)));

    private void AssertNowhere(OutputTree tree)
    {
        string name = Path.GetFileName(workplace.Root);
        Assert.All(tree.All(), file => Assert.DoesNotContain(name, System.Text.Encoding.Latin1.GetString(File.ReadAllBytes(tree.At(file))), StringComparison.Ordinal));
    }
}
