using SlideMesh.Reporting.OutputStore;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Tests.Store;

public sealed class StageLedgerTests : IDisposable
{
    private readonly TemporaryFolder _output = new();
    private readonly SlideFolder _slide;

    public StageLedgerTests()
    {
        _slide = new SlideFolder(_output.Root, new SlideId("s"));
        AtomicFile.WriteText(_slide.Plan, "the plan");
        AtomicFile.WriteText(_slide.Features("enc"), "features");
        StageLedger ledger = StageLedger.Open(_slide);
        ledger.MarkDone("plan", "key", [_slide.Plan]);
        ledger.MarkDone("features/enc", "other", [_slide.Features("enc"), _slide.Plan]);
    }

    public void Dispose() => _output.Dispose();

    [Fact]
    public void Stage_is_done_with_its_key_and_contents_only()
    {
        StageLedger ledger = StageLedger.Open(_slide);
        Assert.True(ledger.IsDone("plan", "key"));
        Assert.True(ledger.IsDone("features/enc", "other"));
        Assert.False(ledger.IsDone("plan", "another key"));
        Assert.False(ledger.IsDone("result", "key"));
    }

    [Theory]
    [InlineData("the plam")]
    [InlineData("the plan ")]
    [InlineData("")]
    public void Stage_whose_file_was_changed_is_not_done(string text)
    {
        File.WriteAllText(_slide.Plan, text);
        Assert.False(StageLedger.Open(_slide).IsDone("plan", "key"));
    }

    [Fact]
    public void Stage_with_one_file_gone_is_not_done()
    {
        File.Delete(_slide.Plan);
        Assert.False(StageLedger.Open(_slide).IsDone("plan", "key"));
        Assert.False(StageLedger.Open(_slide).IsDone("features/enc", "other"));
    }

    [Fact]
    public void Ledger_is_the_same_bytes_whatever_the_order_of_files_and_stages()
    {
        string expected = File.ReadAllText(_slide.Ledger);
        File.Delete(_slide.Ledger);
        StageLedger ledger = StageLedger.Open(_slide);
        ledger.MarkDone("features/enc", "other", [_slide.Plan, _slide.Features("enc")]);
        ledger.MarkDone("plan", "key", [_slide.Plan]);
        Assert.Equal(expected, File.ReadAllText(_slide.Ledger));
    }

    [Fact]
    public void Files_found_intact_are_looked_at_again_by_another_ledger_or_after_a_stage_was_written()
    {
        StageLedger ledger = StageLedger.Open(_slide);
        Assert.True(ledger.IsDone("plan", "key"));
        Assert.True(ledger.IsDone("features/enc", "other"));
        File.WriteAllText(_slide.Plan, "the plam");
        Assert.True(ledger.IsDone("plan", "key"));
        Assert.False(ledger.IsDone("plan", "another key"));
        Assert.False(StageLedger.Open(_slide).IsDone("plan", "key"));

        ledger.MarkDone("features/enc", "other", [_slide.Features("enc"), _slide.Plan]);
        Assert.False(ledger.IsDone("plan", "key"));
    }

    [Fact]
    public void Stage_found_not_done_is_looked_at_again()
    {
        StageLedger ledger = StageLedger.Open(_slide);
        File.WriteAllText(_slide.Plan, "the plam");
        Assert.False(ledger.IsDone("plan", "key"));
        File.WriteAllText(_slide.Plan, "the plan");
        Assert.True(ledger.IsDone("plan", "key"));
    }

    [Fact]
    public void Ledger_moves_with_its_folder()
    {
        Directory.Move(_output["slides"], _output["slides2"]);
        Directory.CreateDirectory(_output["moved"]);
        Directory.Move(_output["slides2"], _output["moved/slides"]);
        Assert.True(StageLedger.Open(new SlideFolder(_output["moved"], new SlideId("s"))).IsDone("plan", "key"));
    }

    [Fact]
    public void Stages_not_kept_are_forgotten()
    {
        StageLedger.Open(_slide).Keep(new HashSet<string> { "plan" });
        StageLedger ledger = StageLedger.Open(_slide);
        Assert.True(ledger.IsDone("plan", "key"));
        Assert.False(ledger.IsDone("features/enc", "other"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("not json")]
    [InlineData("[{\"stage\":\"plan\"")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("[null]")]
    [InlineData("[{}]")]
    [InlineData("[{\"stage\":null,\"key\":\"key\",\"files\":[]}]")]
    [InlineData("[{\"stage\":\"plan\",\"key\":\"key\"}]")]
    [InlineData("[{\"stage\":\"plan\",\"key\":\"key\",\"files\":null}]")]
    [InlineData("[{\"stage\":\"plan\",\"key\":\"key\",\"files\":[null]}]")]
    [InlineData("[{\"stage\":\"plan\",\"key\":\"key\",\"files\":[{\"path\":null,\"bytes\":8,\"sha256\":null}]}]")]
    public void Damaged_ledger_counts_as_empty(string text)
    {
        File.WriteAllText(_slide.Ledger, text);
        Assert.False(StageLedger.Open(_slide).IsDone("plan", "key"));
    }

    [Fact]
    public void Ledger_cut_short_at_any_length_never_says_done_and_never_throws()
    {
        string whole = File.ReadAllText(_slide.Ledger);
        for (int length = 0; length < whole.Length - 1; length++)
        {
            File.WriteAllText(_slide.Ledger, whole[..length]);
            Assert.False(StageLedger.Open(_slide).IsDone("plan", "key"));
        }
    }
}
