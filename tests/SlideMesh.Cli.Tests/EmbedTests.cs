using System.Text.Json;

namespace SlideMesh.Cli.Tests;

/// <summary>Features of a cohort in other tools' folders.</summary>
[Collection(OneAfterAnother.Name)]
public sealed class EmbedTests(Workplace workplace)
{
    private const string View = "20x_256px_0px_overlap";

    private static readonly string[] Slowly = ["--json", "--decoders", "1", "--threads", "1", "--shard-tiles", "7", "--slides-in-flight", "1"];

    [Fact]
    public void Features_are_those_of_a_run_in_the_folders_of_other_tools()
    {
        OutputTree embedded = workplace.Embedded;
        foreach (string slide in Workplace.Good)
        {
            foreach ((string view, string stream) in new[] { (View, "demo-encoder"), ("10x_256px_0px_overlap", "demo-encoder-256px-1um"), ("5x_256px_0px_overlap", "demo-encoder-256px-2um") })
            {
                Assert.Equal(
                    File.ReadAllBytes(workplace.Undisturbed.At($"slides/{slide}/features/{stream}.h5")),
                    File.ReadAllBytes(embedded.At($"{view}/features_demo-encoder/{slide}.h5")));
                Assert.True(File.Exists(embedded.At($"{view}/patches/{slide}_patches.h5")));
                Assert.True(File.Exists(embedded.At($"{view}/stamp_demo-encoder/{slide}.h5")));
                Assert.True(File.Exists(embedded.At($"{view}/clam_demo-encoder/pt_files/{slide}.pt")));
                // The folder is a link: CLAM finds the same file.
                Assert.True(File.Exists(embedded.At($"{view}/clam_demo-encoder/h5_files/{slide}.h5")));
            }

            Assert.Equal(workplace.Undisturbed.Slide(slide)["tiles_demo-encoder"], embedded.Slide(slide)["tiles_demo-encoder"]);
            Assert.True(File.Exists(embedded.At($"slides/{slide}/report.html")));
        }

        PrivacyTests.AssertNowhere(embedded, workplace.Root);
        IReadOnlyList<Dictionary<string, string>> process = embedded.Table($"{View}/clam_demo-encoder/process_list_autogen.csv");
        Assert.Equal(["a.tiff", "b.tiff", "c.tiff"], process.Select(row => row["slide_id"]));
        Assert.All(process, row => Assert.Equal(("processed", "0"), (row["status"], row["process"])));
    }

    [Fact]
    public void Trident_and_clam_find_every_tile_in_the_patches_file()
    {
        JsonElement patches = workplace.Python("read_outputs.py", "patches", workplace.Embedded.At($"{View}/patches/a_patches.h5"));
        JsonElement features = workplace.Python("read_outputs.py", "trident", workplace.Embedded.At($"{View}/features_demo-encoder/a.h5"));

        Assert.Equal("int64", patches.GetProperty("coords_dtype").GetString());
        Assert.Equal(features.GetProperty("shape")[0].GetInt32(), patches.GetProperty("coords").GetArrayLength());
        Assert.Equal(features.GetProperty("attrs").GetRawText(), patches.GetProperty("attrs").GetRawText());
        Assert.Equal(256.0, patches.GetProperty("level0_edge").GetDouble());
    }

    [Fact]
    public void Another_encoder_is_added_beside_the_first_and_costs_it_nothing()
    {
        string output = workplace.NewOutput();
        string small = Path.Combine(SlideMeshProcess.Repository, "tests/reference/packages/ref-encoder");
        workplace.Run("embed", "good", "--encoder", "demo-encoder", "--out", output, "--quiet").Expect(0);
        Dictionary<string, DateTime> first = workplace.Tree(output).Written($"{View}/features_demo-encoder");

        workplace.Run("embed", "good", "--encoder", small, "--mpp", "2", "--overlap", "8", "--out", output, "--quiet").Expect(0);
        Assert.Equal(first, workplace.Tree(output).Written($"{View}/features_demo-encoder"));
        Assert.Equal(3, Directory.GetFiles(workplace.Tree(output).At("5x_32px_8px_overlap/features_ref-encoder")).Length);

        CliResult both = workplace.Run("embed", "good", "--encoder", "demo-encoder", small, "--out", output, "--json").Expect(0);
        Assert.All(both.Named("slide-done"), done => Assert.False(done.GetProperty("resumed").GetBoolean()));
        Assert.Equal(first, workplace.Tree(output).Written($"{View}/features_demo-encoder"));
        Assert.True(File.Exists(workplace.Tree(output).At("20x_32px_0px_overlap/features_ref-encoder/b.h5")));
        CliResult again = workplace.Run("embed", "good", "--encoder", "demo-encoder", small, "--out", output, "--json").Expect(0);
        Assert.All(again.Named("slide-done"), done => Assert.True(done.GetProperty("resumed").GetBoolean()));
    }

    [Fact]
    public void Embedding_killed_four_times_ends_with_the_bytes_of_an_undisturbed_one()
    {
        string output = workplace.NewOutput();
        string[] command = ["embed", "good", "--out", output, .. Workplace.EmbedOptions, .. Slowly];
        int Count(string pattern) => Directory.Exists(workplace[output])
            ? Directory.EnumerateFiles(workplace[output], pattern, SearchOption.AllDirectories).Count(f => !Path.GetFileName(f).StartsWith('.'))
            : 0;
        (string Moment, Func<IReadOnlyList<JsonElement>, bool> Happened)[] kills =
        [
            ("a slide is planned", events => Has(events, "slide-planned")),
            ("a shard is stored", _ => Count("*.shard") >= 1),
            ("features are merged", _ => Count("*.h5") >= 1),
            ("a slide is done", events => Has(events, "slide-done")),
        ];
        foreach ((string moment, Func<IReadOnlyList<JsonElement>, bool> happened) in kills)
        {
            using SlideMeshProcess run = workplace.Start(command);
            run.WaitUntil(happened);
            run.Signal("KILL");
            int code = run.WaitForEnd().ExitCode;
            Assert.True(code == 137, $"when {moment}: exit code {code}, so the kill came too late");
        }

        workplace.Run(command).Expect(0);
        workplace.Tree(output).AssertSameAs(workplace.Embedded);
    }

    [Fact]
    public void Damaged_or_missing_file_is_made_again_and_no_other()
    {
        string output = workplace.NewOutput();
        string[] command = ["embed", "good", "--out", output, .. Workplace.EmbedOptions, "--json"];
        workplace.Run(command).Expect(0);
        OutputTree tree = workplace.Tree(output);
        File.Delete(tree.At($"{View}/stamp_demo-encoder/a.h5"));
        byte[] features = File.ReadAllBytes(tree.At($"{View}/features_demo-encoder/b.h5"));
        features[^9] ^= 1;
        File.WriteAllBytes(tree.At($"{View}/features_demo-encoder/b.h5"), features);
        File.WriteAllText(tree.At($"{View}/features_demo-encoder/.tmp-a.h5"), "half");

        CliResult again = workplace.Run(command).Expect(0);
        Assert.Equal("c", Assert.Single(again.Named("slide-done"), done => done.GetProperty("resumed").GetBoolean()).GetProperty("slide").GetString());
        tree.AssertSameAs(workplace.Embedded);
    }

    [Theory]
    [InlineData("embed good --out never", "--encoder")]
    [InlineData("embed good --out never --encoder nowhere", "nowhere")]
    [InlineData("embed good --out never --encoder demo-origin", "name its encoder, 'demo-encoder', instead")]
    [InlineData("embed good --out never --encoder demo-encoder --tile-size 224", "takes tiles of 256 px only, not 224")]
    [InlineData("embed good --out never --encoder demo-encoder --overlap 256", "the overlap must be less than the tile")]
    [InlineData("embed good --out never --encoder demo-encoder --mpp 0.5 0", "--mpp 0 lies outside")]
    [InlineData("embed good --out never --encoder demo-encoder --write wsinfer", "--write 'wsinfer' is not one of stamp, clam-pt")]
    public void Arguments_that_make_no_sense_exit_with_2_in_one_line(string arguments, string expected)
    {
        workplace.Run(arguments.Split(' ')).ExpectOneLine(2, expected);
        Assert.False(Directory.Exists(workplace["never"]), "nothing is to be made");
    }

    [Fact]
    public void Folder_of_another_command_is_left_alone()
    {
        SortedDictionary<string, string> before = workplace.Embedded.Contents();
        workplace.Run("run", "good", "--out", workplace.Embedded.Root).ExpectOneLine(4, "holds results of 'slidemesh embed'");
        Assert.Equal(before, workplace.Embedded.Contents());
    }

    private static bool Has(IReadOnlyList<JsonElement> events, string name) => events.Any(e => e.GetProperty("event").GetString() == name);
}
