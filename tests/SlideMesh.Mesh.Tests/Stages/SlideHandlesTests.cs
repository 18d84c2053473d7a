using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Stages;
using SlideMesh.Slides;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Synth;
using SlideMesh.Synth.Scenes;

namespace SlideMesh.Mesh.Tests.Stages;

public sealed class SlideHandlesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _slide;

    public SlideHandlesTests()
    {
        _slide = _folder["s.tiff"];
        SlideGenerator.Write(_slide, new SlideParameters { Seed = 1, WidthPx = 256, HeightPx = 256 });
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Leases_of_one_slide_share_its_source()
    {
        using SlideHandles handles = new(1);
        using SlideHandles.Lease first = handles.Open(Entry("a"));
        using SlideHandles.Lease second = handles.Open(Entry("a"));
        Assert.Same(first.Source, second.Source);
    }

    [Fact]
    public void Slide_that_is_idle_stays_open_for_the_next_lease()
    {
        using SlideHandles handles = new(2);
        ISlideSource source = Use(handles, "a");
        Assert.Same(source, Use(handles, "a"));
    }

    [Fact]
    public void Least_recently_used_idle_slide_is_closed_first()
    {
        using SlideHandles handles = new(2);
        ISlideSource a = Use(handles, "a");
        ISlideSource b = Use(handles, "b");
        Assert.Same(a, Use(handles, "a"));
        ISlideSource c = Use(handles, "c");

        // b was used longest ago; a and c are open still.
        Assert.True(IsClosed(b));
        Assert.False(IsClosed(a));
        Assert.False(IsClosed(c));
        Assert.Same(a, Use(handles, "a"));
        Assert.NotSame(b, Use(handles, "b"));
    }

    [Fact]
    public void Leased_slide_is_never_closed_for_others()
    {
        using SlideHandles handles = new(1);
        using SlideHandles.Lease held = handles.Open(Entry("a"));
        for (int i = 0; i < 10; i++)
        {
            Use(handles, $"other{i}");
        }

        Assert.False(IsClosed(held.Source));
    }

    [Fact]
    public void Lease_disposed_twice_counts_once()
    {
        using SlideHandles handles = new(1);
        SlideHandles.Lease twice = handles.Open(Entry("a"));
        using SlideHandles.Lease held = handles.Open(Entry("a"));
        twice.Dispose();
        twice.Dispose();
        Use(handles, "b");
        Use(handles, "c");
        Assert.False(IsClosed(held.Source));
    }

    [Fact]
    public void Failed_opening_does_not_stick()
    {
        using SlideHandles handles = new(1);
        CohortEntry late = Entry("late") with { FullPath = _folder["late.tiff"] };
        Assert.Equal(SlideFailureReason.FileMissing, Assert.Throws<SlideFormatException>(() => handles.Open(late)).Reason);
        File.Copy(_slide, late.FullPath);
        using SlideHandles.Lease lease = handles.Open(late);
        Assert.False(IsClosed(lease.Source));
    }

    [Fact]
    public void Disposal_closes_every_slide()
    {
        SlideHandles handles = new(4);
        ISlideSource a = Use(handles, "a");
        ISlideSource b = Use(handles, "b");
        handles.Dispose();
        Assert.True(IsClosed(a));
        Assert.True(IsClosed(b));
    }

    [Fact]
    public async Task Many_threads_on_few_places_always_read_an_open_slide()
    {
        using SlideHandles handles = new(2);
        await Parallel.ForAsync(0, 400, new ParallelOptions { MaxDegreeOfParallelism = 8 }, (i, token) =>
        {
            using SlideHandles.Lease lease = handles.Open(Entry($"s{i % 5}"), token);
            Assert.False(IsClosed(lease.Source));
            return ValueTask.CompletedTask;
        });
    }

    private static bool IsClosed(ISlideSource source)
    {
        try
        {
            source.ReadRegion(new Level0Point(0, 0), 0, 1, 1, new byte[3]);
            return false;
        }
        catch (ObjectDisposedException)
        {
            return true;
        }
    }

    private ISlideSource Use(SlideHandles handles, string id)
    {
        using SlideHandles.Lease lease = handles.Open(Entry(id));
        return lease.Source;
    }

    private CohortEntry Entry(string id) =>
        new() { Id = new SlideId(id), Path = "s.tiff", FullPath = _slide, CaseId = id, OmicsId = id };
}
