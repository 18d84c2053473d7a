using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.Raster;

namespace SlideMesh.Slides.Tests;

/// <summary>A slide in memory, without compression: what a reader must give is known to the pixel.</summary>
internal sealed class MemorySlide : ISlideSource
{
    private readonly RgbImage[] _images;

    /// <param name="image">Level 0.</param>
    /// <param name="factors">Downsample of each further level; level 0 is resampled by area.</param>
    public MemorySlide(RgbImage image, params int[] factors)
    {
        _images = [image, .. factors.Select(f => AreaResampler.Resample(image, image.Width / f, image.Height / f))];
        Levels = [.. _images.Select((p, i) => new PyramidLevel(i, p.Width, p.Height, i == 0 ? 1 : factors[i - 1]))];
    }

    public string Path => "memory";

    public string Vendor => "memory";

    public string Reader => "memory";

    public IReadOnlyList<PyramidLevel> Levels { get; }

    public double? ObjectivePower => null;

    public MicronsPerPixel? MicronsPerPixel { get; init; }

    /// <summary>A rectangle of level 0 that cannot be read.</summary>
    public Level0Rect? Damage { get; init; }

    public long LargestReadPixels { get; private set; }

    public long PixelsRead { get; private set; }

    /// <summary>Regions that start between pixels of their level, which OpenSlide would blend.</summary>
    public int BlendedRegions { get; private set; }

    public long PixelsPerSecond { get; init; } = 1 << 30;

    public (int Width, int Height) TilePx(int level) => (TileEdge, TileEdge);

    public int TileEdge { get; init; } = 256;

    public void ReadRegion(Level0Point origin, int level, int width, int height, Span<byte> rgb)
    {
        double downsample = Levels[level].Downsample;
        if (Damage is { } d
            && origin.X < d.X + d.Width && origin.X + (width * downsample) > d.X
            && origin.Y < d.Y + d.Height && origin.Y + (height * downsample) > d.Y)
        {
            throw new SlideFormatException(Path, SlideFailureReason.Unreadable, "damaged on purpose");
        }

        lock (_images)
        {
            LargestReadPixels = Math.Max(LargestReadPixels, (long)width * height);
            PixelsRead += (long)width * height;
            BlendedRegions += origin.X % downsample != 0 || origin.Y % downsample != 0 ? 1 : 0;
        }

        RgbImage image = _images[level];
        int left = (int)Math.Floor(origin.X / downsample);
        int top = (int)Math.Floor(origin.Y / downsample);
        rgb[..(width * height * 3)].Fill(255);
        for (int y = 0; y < height; y++)
        {
            int from = Math.Max(0, -left);
            int to = Math.Min(width, image.Width - left);
            if (top + y >= 0 && top + y < image.Height && from < to)
            {
                image.Pixels.AsSpan((((top + y) * image.Width) + left + from) * 3, (to - from) * 3)
                    .CopyTo(rgb[(((y * width) + from) * 3)..]);
            }
        }
    }

    public void Dispose()
    {
    }
}
