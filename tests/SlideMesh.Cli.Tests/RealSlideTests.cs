namespace SlideMesh.Cli.Tests;

/// <summary>The two public slides, where this machine has them.</summary>
[Collection(OneAfterAnother.Name)]
public sealed class RealSlideTests(Workplace workplace)
{
    private const string Cmu = "CMU-1-Small-Region";
    private const string Tcga = "TCGA-CR-7395-01A-01-TS1";

    [Fact]
    public void Real_slides_run_and_the_one_without_microns_per_pixel_needs_to_be_told()
    {
        if (FindSlides() is not { } folder)
        {
            // Generated slides stand for them in every other test.
            return;
        }

        string untold = workplace.NewOutput();
        workplace.Run("run", folder, "--out", untold, "--quiet").Expect(3);
        Assert.Equal("done", workplace.Tree(untold).Slide(Cmu)["state"]);
        Assert.Equal("microns-per-pixel-missing", workplace.Tree(untold).Slide(Tcga)["reason"]);

        string told = workplace.NewOutput();
        workplace.Run("run", folder, "--out", told, "--default-mpp", "0.5", "--quiet").Expect(0);
        foreach (string id in new[] { Cmu, Tcga })
        {
            Dictionary<string, string> slide = workplace.Tree(told).Slide(id);
            Assert.Equal("done", slide["state"]);
            Assert.True(int.Parse(slide["tiles_demo-encoder"], null) > 10);
            Assert.True(File.Exists(workplace.Tree(told).At($"slides/{id}/report.html")));
        }

        // The file's own word comes before the default.
        Assert.Equal("0.499", workplace.Tree(told).Slide(Cmu)["mpp"]);
        Assert.Equal(("0.5", "default-option"), (workplace.Tree(told).Slide(Tcga)["mpp"], workplace.Tree(told).Slide(Tcga)["mpp_source"]));
    }

    private static string? FindSlides()
    {
        List<string> roots = [];
        if (Environment.GetEnvironmentVariable("SLIDEMESH_TEST_DATA") is { Length: > 0 } configured)
        {
            roots.Add(configured);
        }

        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            roots.Add(Path.Combine(folder.FullName, "..", "shared", "data"));
        }

        return roots.Select(root => Path.GetFullPath(Path.Combine(root, "slides"))).FirstOrDefault(slides => File.Exists(Path.Combine(slides, Cmu + ".svs")) && File.Exists(Path.Combine(slides, Tcga + ".svs")));
    }
}
