namespace SlideMesh.Cli.Tests;

/// <summary><c>run --cache</c> from end to end: the copies are there, and nothing in the results tells.</summary>
[Collection(OneAfterAnother.Name)]
public sealed class LocalCopyTests(Workplace workplace)
{
    [Fact]
    public void Run_with_a_cache_gives_the_same_bytes_and_leaves_whole_copies()
    {
        string output = workplace.NewOutput();
        workplace.Run("run", "good", "--out", output, "--quiet", "--cache", "copies-one", "--cache-size", "1GB").Expect(0);
        workplace.Tree(output).AssertSameAs(workplace.Undisturbed);
        AssertHoldsAllSlides("copies-one");
    }

    [Fact]
    public void Two_processes_with_one_cache_give_the_same_bytes()
    {
        string[] outputs = [workplace.NewOutput(), workplace.NewOutput()];
        SlideMeshProcess[] runs = [.. outputs.Select(o => workplace.Start("run", "good", "--out", o, "--quiet", "--cache", "copies-two", "--cache-size", "1GB"))];
        foreach ((SlideMeshProcess run, string output) in runs.Zip(outputs))
        {
            using (run)
            {
                run.WaitForEnd().Expect(0);
            }

            workplace.Tree(output).AssertSameAs(workplace.Undisturbed);
        }

        AssertHoldsAllSlides("copies-two");
    }

    [Fact]
    public void Cache_too_small_for_any_slide_changes_nothing()
    {
        string output = workplace.NewOutput();
        workplace.Run("run", "good", "--out", output, "--quiet", "--cache", "copies-none", "--cache-size", "1kB").Expect(0);
        workplace.Tree(output).AssertSameAs(workplace.Undisturbed);
        Assert.Empty(Slides("copies-none"));
    }

    [Fact]
    public void Cache_that_cannot_be_written_is_told_in_one_line()
    {
        File.WriteAllText(workplace["a-file"], "");
        workplace.Run("run", "good", "--out", workplace.NewOutput(), "--quiet", "--cache", "a-file").ExpectOneLine(4, "'a-file' cannot be written");
        workplace.Run("node", "--store", ".", "--cache", "a-file").ExpectOneLine(2, "--cache 'a-file' cannot be written");
    }

    // The switch is part of the features' key: what one way of reading made is not taken for the other's.
    [Fact]
    public void Features_read_with_decoder_scaling_are_not_reused_without_it()
    {
        string output = workplace.NewOutput();
        string[] embed = ["embed", "good", "--out", output, "--encoder", "demo-encoder", "--mpp", "1", "--json"];
        workplace.Run(embed).Expect(0);
        Assert.Equal(Workplace.Good, Resumed(workplace.Run(embed).Expect(0)));
        Assert.Empty(Resumed(workplace.Run([.. embed, "--no-decoder-scaling"]).Expect(0)));
        Assert.Equal(Workplace.Good, Resumed(workplace.Run([.. embed, "--no-decoder-scaling"]).Expect(0)));
    }

    private static string[] Resumed(CliResult run) =>
        [.. run.Named("slide-done").Where(e => e.GetProperty("resumed").GetBoolean()).Select(e => e.GetProperty("slide").GetString()!).Order(StringComparer.Ordinal)];

    private void AssertHoldsAllSlides(string cache)
    {
        string[] copies = Slides(cache);
        Assert.Equal(["a.tiff", "b.tiff", "c.tiff"], copies.Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.All(copies, copy => Assert.Equal(File.ReadAllBytes(workplace["good/" + Path.GetFileName(copy)]), File.ReadAllBytes(copy)));
    }

    private string[] Slides(string cache) => Directory.GetFiles(Path.Combine(workplace[cache], "copies"), "*.tiff", SearchOption.AllDirectories);
}
