using SlideMesh.Slides.OpenSlide;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.TiledTiff;

namespace SlideMesh.Slides.Tests.TiledTiff;

/// <summary>One file, read both ways.</summary>
internal sealed class SlidePair : IDisposable
{
    public SlidePair(string path, long cacheBytes = TiledTiffSource.DefaultCacheBytes)
    {
        Reference = OpenSlideSource.Open(path);
        ISlideSource source = SlideSource.Open(path, out string? reason, cacheBytes);
        Assert.Null(reason);
        Tiled = Assert.IsType<TiledTiffSource>(source);
    }

    public OpenSlideSource Reference { get; }

    public TiledTiffSource Tiled { get; }

    public void Dispose()
    {
        Tiled.Dispose();
        Reference.Dispose();
    }

    public void AssertSameFacts()
    {
        Assert.Equal(Reference.Levels, Tiled.Levels);
        Assert.Equal(
            (Reference.Path, Reference.Vendor, Reference.ObjectivePower, Reference.MicronsPerPixel),
            (Tiled.Path, Tiled.Vendor, Tiled.ObjectivePower, Tiled.MicronsPerPixel));
    }

    /// <summary>Pixels, or null when the region cannot be read.</summary>
    public static byte[]? Read(ISlideSource source, Level0Point origin, int level, int width, int height)
    {
        var rgb = new byte[width * height * 3];
        try
        {
            source.ReadRegion(origin, level, width, height, rgb);
            return rgb;
        }
        catch (SlideFormatException)
        {
            return null;
        }
    }

    public void AssertSame(Level0Point origin, int level, int width, int height)
    {
        byte[]? expected = Read(Reference, origin, level, width, height);
        byte[]? actual = Read(Tiled, origin, level, width, height);
        Assert.True(
            expected is null ? actual is null : actual is not null && expected.AsSpan().SequenceEqual(actual),
            $"{width} × {height} of level {level} at {origin} differ");
    }

    /// <summary>OpenSlide would blend a little of the neighbours in, where the tiled reader gives the pixels themselves (see FractionalLevelTests).</summary>
    private static bool IsGivenUnblended(PyramidLevel level, Level0Point origin) =>
        level.TryFindPixel(origin.X, out long x) && level.TryFindPixel(origin.Y, out long y)
        && (Math.Abs((origin.X / level.Downsample) - x) > 1e-9 || Math.Abs((origin.Y / level.Downsample) - y) > 1e-9);

    /// <summary>Regions of any size up to <paramref name="maxEdge"/>, some of them reaching beyond the slide.</summary>
    /// <param name="onWholePixels">Origins that are multiples of the downsample, so that OpenSlide need not help.</param>
    public void AssertSameInRandomRegions(int seed, int count, int maxEdge, bool onWholePixels)
    {
        var random = new Random(seed);
        for (int i = 0; i < count; i++)
        {
            PyramidLevel level = Reference.Levels[random.Next(Reference.Levels.Count)];
            int width = random.Next(1, maxEdge);
            int height = random.Next(1, maxEdge);
            long x = random.NextInt64(-width, level.Width + 20);
            long y = random.NextInt64(-height, level.Height + 20);
            Level0Point origin = onWholePixels
                ? new((long)(x * level.Downsample), (long)(y * level.Downsample))
                : new((long)(x * level.Downsample) + random.Next(8), (long)(y * level.Downsample) + random.Next(8));
            if (!IsGivenUnblended(level, origin))
            {
                AssertSame(origin, level.Index, width, height);
            }
        }
    }
}
