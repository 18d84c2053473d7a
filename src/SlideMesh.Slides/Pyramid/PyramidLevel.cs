namespace SlideMesh.Slides.Pyramid;

/// <summary>One resolution of a slide. <paramref name="Downsample"/> is level-0 pixels per pixel of this level (1 for level 0).</summary>
public sealed record PyramidLevel(int Index, long Width, long Height, double Downsample)
{
    /// <summary>Half of a level-0 pixel, and what is lost in the products that place a grid's corners.</summary>
    private const double HalfPixel = 0.5 + 1e-6;

    /// <summary>
    /// The pixel of this level, on one axis, that a level-0 coordinate stands for: its own place is the nearest whole level-0 pixel
    /// to the pixel's. False when there is none. With a downsample of 4 every fourth coordinate has one, with 4.0001 also.
    /// </summary>
    public bool TryFindPixel(long level0, out long pixel)
    {
        double nearest = Math.Round(level0 / Downsample);
        pixel = (long)nearest;
        return Math.Abs(nearest) < 1L << 40 && Math.Abs(level0 - (nearest * Downsample)) <= HalfPixel;
    }
}

/// <summary>A point in level-0 pixels.</summary>
public readonly record struct Level0Point(long X, long Y);

/// <summary>A rectangle in level-0 pixels, top-left inclusive.</summary>
public readonly record struct Level0Rect(long X, long Y, long Width, long Height);
