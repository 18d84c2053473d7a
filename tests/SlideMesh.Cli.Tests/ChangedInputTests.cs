using SlideMesh.Synth.Scenes;

namespace SlideMesh.Cli.Tests;

/// <summary>A store that was filled under other circumstances gives, after a run, what an empty one would have given.</summary>
[Collection(OneAfterAnother.Name)]
public sealed class ChangedInputTests(Workplace workplace)
{
    [Fact]
    public void Another_microns_per_pixel_that_cuts_the_same_tiles_makes_the_features_again()
    {
        // Within the planner's slack of 1 %, the tiles' corners are the same; the scale that the features file states is not.
        workplace.Make("unscaled/u.tiff", new SlideParameters { Seed = 5, WidthPx = 768, HeightPx = 768, WriteMicronsPerPixel = false });
        string first = workplace.NewOutput();
        workplace.Run("run", "unscaled", "--out", first, "--quiet", "--default-mpp", "0.5").Expect(0);
        workplace.Run("run", "unscaled", "--out", first, "--quiet", "--default-mpp", "0.503").Expect(0);
        string fresh = workplace.NewOutput();
        workplace.Run("run", "unscaled", "--out", fresh, "--quiet", "--default-mpp", "0.503").Expect(0);
        workplace.Tree(first).AssertSameAs(workplace.Tree(fresh));
    }

    [Fact]
    public void Files_that_are_no_longer_asked_for_do_not_stay_beside_new_results()
    {
        string output = workplace.NewOutput();
        workplace.Run("run", "good", "--out", output, "--quiet", "--write", "stamp", "wsinfer", "clam-pt").Expect(0);
        Assert.Contains(workplace.Tree(output).All(), file => file.EndsWith(".stamp.h5", StringComparison.Ordinal));
        workplace.Run("run", "good", "--out", output, "--quiet").Expect(0);
        workplace.Tree(output).AssertSameAs(workplace.Undisturbed);
    }

    [Fact]
    public void Slide_that_cannot_be_read_for_a_moment_is_tried_again_also_with_one_slide_in_flight()
    {
        string output = workplace.NewOutput();
        // An exclusive lock makes opening fail as a share that is away does: for a while.
        using FileStream held = new(workplace["good/a.tiff"], FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        using SlideMeshProcess run = workplace.Start("run", "good", "--out", output, "--json", "--slides-in-flight", "1");
        run.WaitForEvent("slide-started", times: 2);
        held.Dispose();
        run.WaitForEnd().Expect(0);
        workplace.Tree(output).AssertSameAs(workplace.Undisturbed);
    }
}
