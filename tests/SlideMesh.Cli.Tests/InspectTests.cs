using SlideMesh.Cli.Commands;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Slides;

namespace SlideMesh.Cli.Tests;

public sealed class InspectTests
{
    private static readonly CohortEntry Slide = new() { Id = new SlideId("a"), Path = "s/a.svs", FullPath = "/data/s/a.svs", CaseId = "a", OmicsId = "a" };

    public static TheoryData<Exception, string> Failures => new()
    {
        { new SlideFormatException("/data/s/a.svs", SlideFailureReason.Truncated, "'/data/s/a.svs' is truncated"), "truncated" },
        { new IOException("disk gone"), "io-error" },
        { new OverflowException("too far"), "internal-error" },
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public void Whatever_one_slide_throws_becomes_its_row(Exception failure, string reason)
    {
        SlideFacts facts = InspectCommand.Look(Slide, null, _ => throw failure);
        Assert.Equal(("a", "s/a.svs", reason), (facts.SlideId, facts.Path, facts.Reason));
        Assert.DoesNotContain("/data", facts.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Detail_holds_no_control_characters()
    {
        SlideFacts facts = InspectCommand.Look(Slide, null, path => throw new IOException("no\nway \u001B[2J"));
        Assert.Equal("no way \uFFFD[2J", facts.Detail);
    }
}
