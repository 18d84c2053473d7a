using SlideMesh.Slides.LocalCopies;

namespace SlideMesh.Slides.Tests.LocalCopies;

public sealed class LocalCopyCacheTests : IDisposable
{
    private const int Size = 100_000;

    private readonly TestFolder _folder = new();
    private readonly HandTime _time = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Slide_is_copied_once_and_read_back_equal()
    {
        string slide = Slide("a.svs", 1);
        LocalCopyCache cache = Cache(10 * Size);
        for (int i = 0; i < 3; i++)
        {
            using LocalCopy copy = cache.Acquire(slide);
            Assert.Null(copy.WhyInPlace);
            Assert.NotEqual(slide, copy.Path);
            Assert.Equal("a.svs", Path.GetFileName(copy.Path));
            Assert.Equal(File.ReadAllBytes(slide), File.ReadAllBytes(copy.Path));
        }

        Assert.Equal(1, cache.Copies);
    }

    [Fact]
    public void Replaced_slide_is_copied_anew()
    {
        string slide = Slide("a.svs", 1);
        LocalCopyCache cache = Cache(10 * Size);
        cache.Acquire(slide).Dispose();
        Slide("a.svs", 2);
        File.SetLastWriteTimeUtc(slide, new DateTime(2030, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        using LocalCopy copy = cache.Acquire(slide);
        Assert.Equal(File.ReadAllBytes(slide), File.ReadAllBytes(copy.Path));
        Assert.Equal(2, cache.Copies);
    }

    [Fact]
    public void Least_recently_used_copy_makes_room()
    {
        string[] slides = [.. Enumerable.Range(0, 4).Select(i => Slide($"{i}.svs", i))];
        LocalCopyCache cache = Cache((3 * Size) + 1000);
        foreach (string slide in slides[..3])
        {
            Use(cache, slide);
        }

        Use(cache, slides[0]);
        Use(cache, slides[3]);
        Assert.Equal(4, cache.Copies);
        Use(cache, slides[0]);
        Use(cache, slides[2]);
        Assert.Equal(4, cache.Copies);
        Use(cache, slides[1]);
        Assert.Equal(5, cache.Copies);
        Assert.InRange(Bytes(), 2 * Size, (3 * Size) + 1000);
    }

    [Fact]
    public void Copy_in_use_is_never_removed()
    {
        LocalCopyCache cache = Cache(Size + 1000);
        using LocalCopy held = cache.Acquire(Slide("a.svs", 1));
        string other = Slide("b.svs", 2);
        using (LocalCopy inPlace = cache.Acquire(other))
        {
            Assert.Equal((other, "the cache is full of slides in use"), (inPlace.Path, inPlace.WhyInPlace));
        }

        Assert.True(File.Exists(held.Path));
        held.Dispose();
        using LocalCopy copied = cache.Acquire(other);
        Assert.Null(copied.WhyInPlace);
        Assert.False(File.Exists(held.Path));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Damaged_or_unfinished_copy_is_made_again(bool isCut)
    {
        string slide = Slide("a.svs", 1);
        LocalCopyCache cache = Cache(10 * Size);
        string path;
        using (LocalCopy copy = cache.Acquire(slide))
        {
            path = copy.Path;
        }

        byte[] content = File.ReadAllBytes(path);
        content[Size / 2] ^= 1;
        File.WriteAllBytes(path, isCut ? content[..(Size / 3)] : content);
        using LocalCopy again = cache.Acquire(slide);
        Assert.Equal(File.ReadAllBytes(slide), File.ReadAllBytes(again.Path));
        Assert.Equal(2, cache.Copies);
    }

    // What a process killed while copying leaves: a file of full length, without the mark that it is verified.
    [Fact]
    public void Leftover_of_a_killed_process_is_replaced_and_counts_no_more()
    {
        string slide = Slide("a.svs", 1);
        LocalCopyCache cache = Cache((2 * Size) + 1000);
        using (LocalCopy copy = cache.Acquire(slide))
        {
            File.Delete(Path.Combine(Path.GetDirectoryName(copy.Path)!, ".verified"));
            File.WriteAllBytes(copy.Path, new byte[Size]);
        }

        Use(cache, Slide("b.svs", 2));
        Use(cache, Slide("c.svs", 3));
        using LocalCopy again = cache.Acquire(slide);
        Assert.Equal(File.ReadAllBytes(slide), File.ReadAllBytes(again.Path));
    }

    // Locks are the kernel's and belong to open files, so that two caches in one process meet as two processes do.
    [Fact]
    public void Caches_of_several_processes_make_one_copy_and_keep_the_bound()
    {
        string[] slides = [.. Enumerable.Range(0, 6).Select(i => Slide($"{i}.svs", i))];
        LocalCopyCache[] caches = [.. Enumerable.Range(0, 4).Select(_ => Cache((3 * Size) + 1000))];
        Parallel.For(0, 80, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            string slide = slides[i * 7 % 6];
            using LocalCopy copy = caches[i % 4].Acquire(slide);
            Assert.Equal(File.ReadAllBytes(slide), File.ReadAllBytes(copy.Path));
        });
        Assert.InRange(Bytes(), 1, (3 * Size) + 1000);

        LocalCopyCache[] roomy = [.. Enumerable.Range(0, 4).Select(_ => new LocalCopyCache(_folder.File("roomy"), 10 * Size, _time))];
        Parallel.ForEach(roomy, cache => cache.Acquire(slides[0]).Dispose());
        Assert.Equal(1, roomy.Sum(c => c.Copies));
    }

    [Theory]
    [InlineData("a.mrxs")]
    [InlineData("missing.svs")]
    public void What_cannot_be_copied_is_read_where_it_lies(string name)
    {
        string path = name.StartsWith('a') ? Slide(name, 1) : _folder.File(name);
        using LocalCopy copy = Cache(10 * Size).Acquire(path);
        Assert.Equal(path, copy.Path);
        Assert.NotNull(copy.WhyInPlace);
    }

    [Fact]
    public void Stopping_leaves_nothing_behind()
    {
        using CancellationTokenSource stop = new();
        stop.Cancel();
        string slide = Slide("a.svs", 1);
        LocalCopyCache cache = Cache(10 * Size);
        Assert.Throws<OperationCanceledException>(() => cache.Acquire(slide, stop.Token));
        Assert.Equal(0, Bytes());
    }

    private LocalCopyCache Cache(long capacity) => new(_folder.File("cache"), capacity, _time);

    private void Use(LocalCopyCache cache, string slide)
    {
        _time.Step();
        using LocalCopy copy = cache.Acquire(slide);
        Assert.Null(copy.WhyInPlace);
    }

    private long Bytes() => Directory.EnumerateFiles(Path.Combine(_folder.File("cache"), "copies"), "*", SearchOption.AllDirectories).Sum(f => new FileInfo(f).Length);

    private string Slide(string name, int seed)
    {
        byte[] content = new byte[Size];
        new Random(seed).NextBytes(content);
        File.WriteAllBytes(_folder.File(name), content);
        return _folder.File(name);
    }

    private sealed class HandTime : TimeProvider
    {
        private DateTimeOffset _now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => _now;

        public void Step() => _now += TimeSpan.FromMinutes(1);
    }
}
