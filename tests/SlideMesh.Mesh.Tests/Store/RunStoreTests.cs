using SlideMesh.Mesh.Runs;
using SlideMesh.Reporting.OutputStore;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Tests.Store;

public sealed class RunStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Folder_is_made_and_held_by_one_at_a_time()
    {
        using (RunStore.Open(_folder["a/out"]))
        {
            OutputException busy = Assert.Throws<OutputException>(() => RunStore.Open(_folder["a/out"]));
            Assert.Contains("another run is writing", busy.Message, StringComparison.Ordinal);
        }

        RunStore.Open(_folder["a/out"]).Dispose();
    }

    [Fact]
    public void Path_below_a_file_or_a_file_itself_is_refused_with_advice()
    {
        string file = _folder.Touch("file");
        Assert.Contains("is a file; give a folder", Assert.Throws<OutputException>(() => RunStore.Open(file)).Message, StringComparison.Ordinal);
        foreach (string below in (string[])["/out", "/a/out"])
        {
            Assert.Equal(
                $"output folder '{file}{below}' cannot be made: '{file}' is a file; choose another with --out",
                Assert.Throws<OutputException>(() => RunStore.Open(file + below)).Message);
        }
    }

    [Fact]
    public void Files_that_a_killed_run_left_half_written_go_away()
    {
        _folder.Touch("out/.tmp-77-run.json");
        _folder.Touch("out/slides/s/.tmp-77-plan.json");
        _folder.Touch("out/slides/s/features/.tmp-77-enc.h5");
        _folder.Touch("out/slides/s/plan.json");
        using RunStore store = RunStore.Open(_folder["out"]);
        RunStore.RemoveLeftovers(store.Slide(new SlideId("s")));
        RunStore.RemoveLeftovers(store.Slide(new SlideId("never-seen")));
        Assert.Equal(
            [".lock", "slides/s/plan.json"],
            Directory.EnumerateFiles(store.Root, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(store.Root, f)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Shards_are_removed_when_there_are_any()
    {
        SlideFolder slide = new(_folder.Root, new SlideId("s"));
        RunStore.RemoveShards(slide);
        AtomicFile.WriteText(slide.Shard("enc", 0), "rows");
        RunStore.RemoveShards(slide);
        Assert.False(Directory.Exists(slide.Shards));
    }
}
