using System.Text.Json;

namespace SlideMesh.Cli.Tests;

/// <summary>What every verb answers, and what it answers to arguments that make no sense.</summary>
[Collection(OneAfterAnother.Name)]
public sealed class CommandLineTests(Workplace workplace)
{
    [Theory]
    [InlineData("--help", "run", "embed", "predict", "inspect", "models", "doctor")]
    [InlineData("embed --help", "--encoder", "--tile-size", "--mpp", "--overlap", "130 stopped")]
    [InlineData("predict --help", "--models", "--slides", "--encoder-alias", "130 stopped")]
    [InlineData("run --help", "--out", "--manifest", "--omics", "130 stopped")]
    [InlineData("inspect --help", "--json", "--default-mpp")]
    [InlineData("models --help", "package")]
    [InlineData("model --help", "import", "verify", "bench")]
    [InlineData("model import --help", "--arch", "clam-sb", "--encoder", "--omics-features", "130 stopped")]
    [InlineData("model verify --help", "--against")]
    [InlineData("model bench --help", "--batch")]
    [InlineData("doctor --help", "--out")]
    public void Help_names_what_there_is(string arguments, params string[] expected)
    {
        CliResult help = workplace.Run(arguments.Split(' ')).Expect(0);
        Assert.All(expected, word => Assert.Contains(word, help.Out, StringComparison.Ordinal));
        Assert.Equal("", help.Error);
    }

    [Fact]
    public void No_arguments_show_the_help_and_exit_with_2()
    {
        CliResult help = workplace.Run().Expect(2);
        Assert.Contains("doctor", help.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("frobnicate", "frobnicate")]
    [InlineData("run good", "--out")]
    [InlineData("run --out never", "no slides given")]
    [InlineData("run good --out never --fast", "there is no option '--fast'")]
    [InlineData("run good --manifest cohort.csv --out never", "not both")]
    [InlineData("run nowhere.svs --out never", "'nowhere.svs' does not exist")]
    [InlineData("run --manifest nowhere.csv --out never", "manifest 'nowhere.csv' does not exist")]
    [InlineData("run --manifest good/a.tiff --out never", "good/a.tiff")]
    [InlineData("run good --out never --decoders 0", "--decoders 0")]
    [InlineData("run good --out never --default-mpp half", "--default-mpp 'half' is not a number")]
    [InlineData("run good --out never --default-mpp 500", "--default-mpp 500")]
    [InlineData("run good --out never --tissue none", "--tissue 'none'")]
    [InlineData("run good --out never --write parquet", "--write 'parquet'")]
    [InlineData("run good --out never --models nowhere", "nowhere")]
    [InlineData("models nowhere", "nowhere")]
    [InlineData("inspect nowhere.svs", "'nowhere.svs' does not exist")]
    [InlineData("doctor --deep", "--deep")]
    public void Arguments_that_make_no_sense_exit_with_2_in_one_line(string arguments, string expected)
    {
        workplace.Run(arguments.Split(' ')).ExpectOneLine(2, expected);
        Assert.False(Directory.Exists(workplace["never"]), "nothing is to be made");
    }

    [Fact]
    public void Models_lists_every_package_and_shows_one_in_full()
    {
        CliResult list = workplace.Run("models").Expect(0);
        Assert.All(
            Directory.EnumerateDirectories(Path.Combine(SlideMeshProcess.Repository, "tools/demo-models")).Where(d => File.Exists(Path.Combine(d, "model.json"))),
            package => Assert.Contains(Path.GetFileName(package) + " ", list.Out, StringComparison.Ordinal));

        CliResult one = workplace.Run("models", "demo-encoder").Expect(0);
        Assert.Matches(@"^demo-encoder [0-9.]+ \(encoder\)", one.Out);
        Assert.Matches("SHA-256 +[0-9a-f]{64}", one.Out);
    }

    [Fact]
    public void Doctor_finds_everything_that_the_tests_use()
    {
        CliResult doctor = workplace.Run("doctor").Expect(0);
        Assert.Contains("all good", doctor.Out, StringComparison.Ordinal);
        Assert.All(
            ["openslide", "libjpeg-turbo", "hdf5", "engine onnxruntime", "models", "memory", "disk"],
            part => Assert.Contains($"  {part} ", doctor.Out, StringComparison.Ordinal));
    }

    [Fact]
    public void Inspect_tells_each_slide_as_json_and_what_would_fail()
    {
        File.WriteAllText(workplace["inspected.csv"], "slide,mpp\ngood/a.tiff,\ngood/b.tiff,0.7\nnowhere.svs,\n");
        CliResult inspected = workplace.Run("inspect", "--manifest", "inspected.csv", "--json").Expect(3);
        IReadOnlyList<JsonElement> slides = inspected.Events;

        Assert.Equal(["a", "b", "nowhere"], slides.Select(s => s.GetProperty("slideId").GetString()));
        Assert.Equal((1024, 0.5), (slides[0].GetProperty("width").GetInt32(), slides[0].GetProperty("micronsPerPixel").GetDouble()));
        Assert.False(slides[0].TryGetProperty("reason", out _));
        Assert.Equal(0.7, slides[1].GetProperty("micronsPerPixel").GetDouble());
        Assert.Equal("manifest", slides[1].GetProperty("micronsPerPixelSource").GetString());
        Assert.Equal("file-missing", slides[2].GetProperty("reason").GetString());
        Assert.Equal("", inspected.Error);
    }

    [Fact]
    public void Json_of_a_run_is_one_object_a_line_from_the_first_slide_to_the_end()
    {
        string output = workplace.NewOutput();
        CliResult run = workplace.Run("run", "good/a.tiff", "--out", output, "--json").Expect(0);
        Assert.Equal("", run.Error);
        Assert.Equal(run.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length, run.Events.Count);
        Assert.Equal("slide-started", run.Events[0].GetProperty("event").GetString());
        JsonElement end = run.Events[^1];
        Assert.Equal(("end", 1, 0), (end.GetProperty("event").GetString(), end.GetProperty("done").GetInt32(), end.GetProperty("failed").GetInt32()));
        Assert.Equal("done", Assert.Single(run.Named("result")).GetProperty("summary").GetProperty("state").GetString());
    }
}
