using SlideMesh.Mesh.Cluster;
using SlideMesh.Mesh.Engine;
using SlideMesh.Mesh.Stages;
using SlideMesh.Reporting.OutputStore;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Tests.Cluster;

/// <summary>Two holders of one slide's folder: what the one that was taken for dead can still do.</summary>
public sealed class SlideWorkTests : IDisposable
{
    private static readonly SlideId Slide = new("s");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Taker_over_gets_what_is_there_and_the_former_holder_can_neither_share_nor_publish()
    {
        SlideWork first = Begin();
        File.WriteAllText(Path.Combine(first.Folder.Root, "plan.json"), "plan");
        SlideWork second = Begin();

        Assert.Equal("plan", File.ReadAllText(second.Folder.Plan));
        Assert.Throws<ClaimLostException>(first.Share);
        Assert.Throws<ClaimLostException>(() => first.Publish(withShards: false));
        Assert.False(Directory.Exists(Final.Root));
    }

    [Fact]
    public void Former_holder_that_writes_on_leaves_a_stray_that_nobody_takes_for_the_slides_folder()
    {
        SlideWork first = Begin();
        File.WriteAllText(first.Folder.Ledger, "[]");
        SlideWork second = Begin();
        // It knows of nothing and creates its folders anew.
        AtomicFile.WriteText(Path.Combine(first.Folder.Heatmaps, "grade.png"), "late");
        SlideWork third = Begin();

        Assert.True(second.IsTaken);
        Assert.False(third.IsTaken);
        Assert.Equal(["ledger.json"], Files(third.Folder.Root));
        Assert.False(Directory.Exists(first.Folder.Root));
        Assert.Throws<ClaimLostException>(second.Share);
    }

    [Fact]
    public void Late_taker_that_gives_up_leaves_the_shards_for_the_rightful_one()
    {
        SlideWork rightful = Begin();
        AtomicFile.WriteText(rightful.Folder.Shard("fine", 0), "shard");
        SlideWork late = Begin();
        late.Discard();
        Assert.False(Directory.Exists(rightful.Folder.Root));
        Assert.Equal("shard", File.ReadAllText(SlideWork.SharedFolder(_folder["out"], "run", Slide).Shard("fine", 0)));
    }

    [Fact]
    public void Folder_that_was_made_in_vain_goes_and_one_that_was_taken_meanwhile_is_not_put_back_over_another()
    {
        SlideWork first = Begin();
        first.Discard();
        Assert.False(Directory.Exists(first.Folder.Root));
        Assert.False(Directory.Exists(SlideWork.SharedFolder(_folder["out"], "run", Slide).Root));

        Begin().Share();
        SlideWork late = Begin();
        Directory.CreateDirectory(SlideWork.SharedFolder(_folder["out"], "run", Slide).Root);
        late.Discard();
        Assert.True(Directory.Exists(late.Folder.Root));
    }

    [Fact]
    public void Late_shard_does_not_bring_back_a_folder_that_was_taken()
    {
        SlideWork coordinator = Begin();
        Directory.CreateDirectory(coordinator.Folder.Shards);
        coordinator.Share();
        string shard = SlideWork.SharedFolder(_folder["out"], "run", Slide).Shard("fine", 0);
        ShardFile rows = new() { Tiles = [new TileRecord(0, TileOutcome.Background, default, "")], Rows = [], Dimension = 4 };
        rows.Write(shard, new string('a', 64), createFolder: false);
        SlideWork aggregator = SlideWork.Begin(_folder["out"], "run", Slide, create: false)!;

        Assert.Equal([Path.Combine("shards", Path.GetFileName(shard))], Files(aggregator.Folder.Root));
        Assert.Throws<DirectoryNotFoundException>(() => rows.Write(shard, new string('a', 64), createFolder: false));
        Assert.False(Directory.Exists(Path.GetDirectoryName(shard)));
    }

    [Fact]
    public void Publication_moves_everything_but_shards_and_removes_what_the_earlier_result_had_more()
    {
        Directory.CreateDirectory(Final.Heatmaps);
        File.WriteAllText(Path.Combine(Final.Heatmaps, "old.png"), "old");
        File.WriteAllText(Path.Combine(Final.Root, "notes.txt"), "a user's own");
        SlideWork work = Begin();
        AtomicFile.WriteText(Path.Combine(work.Folder.Heatmaps, "new.png"), "new");
        AtomicFile.WriteText(work.Folder.Predictions, "{}");
        AtomicFile.WriteText(work.Folder.Shard("fine", 0), "shard");
        File.WriteAllText(Path.Combine(work.Folder.Root, AtomicFile.TemporaryPrefix + "x-plan.json"), "half");
        work.Publish(withShards: false);

        Assert.Equal(["heatmaps/new.png", "notes.txt", "predictions.json"], Files(Final.Root));
        SlideWork.Clear(_folder["out"], "run");
        Assert.False(Directory.Exists(_folder["out/.work"]));
    }

    [Fact]
    public void Slide_that_failed_keeps_its_shards_and_one_without_any_file_gets_no_folder()
    {
        SlideWork work = Begin();
        AtomicFile.WriteText(work.Folder.Shard("fine", 0), "shard");
        work.Publish(withShards: true);
        Assert.Equal(["shards/fine.000000.shard"], Files(Final.Root));

        SlideWork empty = SlideWork.Begin(_folder["out"], "run", new SlideId("empty"), create: true)!;
        empty.Publish(withShards: true);
        Assert.False(Directory.Exists(_folder["out/slides/empty"]));
        Assert.Null(SlideWork.Begin(_folder["out"], "run", new SlideId("empty"), create: false));
    }

    [Fact]
    public void Slide_whose_id_begins_with_anothers_is_not_taken_with_it()
    {
        SlideWork longer = SlideWork.Begin(_folder["out"], "run", new SlideId("s2"), create: true)!;
        SlideWork work = Begin();
        longer.Share();
        work.Share();
        Assert.True(Directory.Exists(_folder["out/.work/run/s2"]));
    }

    [Fact]
    public void Work_starts_from_what_an_earlier_run_finished()
    {
        AtomicFile.WriteText(Final.Plan, "plan");
        StageLedger.Open(Final).MarkDone("plan", "key", [Final.Plan]);
        SlideWork work = Begin();

        Assert.True(StageLedger.Open(work.Folder).IsDone("plan", "key"));
        AtomicFile.WriteText(work.Folder.Plan, "another");
        Assert.Equal("plan", File.ReadAllText(Final.Plan));
    }

    private SlideFolder Final => new(_folder["out"], Slide);

    private SlideWork Begin() => SlideWork.Begin(_folder["out"], "run", Slide, create: true)!;

    private static string[] Files(string folder) =>
        [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(folder, f)).Where(f => f != ".held").Order(StringComparer.Ordinal)];
}
