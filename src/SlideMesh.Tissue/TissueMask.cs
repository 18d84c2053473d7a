using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.Raster;
using SlideMesh.Tissue.Contours;
using SlideMesh.Tissue.Quality;

namespace SlideMesh.Tissue;

/// <summary>What tissue detection found on one slide.</summary>
/// <param name="Thumbnail">RGB over white, near 8 µm per pixel; the picture that detection saw.</param>
/// <param name="Mask">Tissue mask on the thumbnail's grid; pen is not tissue.</param>
/// <param name="Contours">Outer boundaries with holes, in level-0 pixels, largest area first (ties by top-left corner).</param>
/// <param name="Quality">Slide-level quality findings with the thresholds used.</param>
public sealed record TissueResult(
    RgbImage Thumbnail, TissueMask Mask, IReadOnlyList<TissueContour> Contours, SlideQuality Quality)
{
    /// <summary>Sum over contours of outer area minus holes, mm².</summary>
    public double AreaMm2 => Contours.Sum(c => c.AreaMm2);

    public bool IsEmpty => Contours.Count == 0;
}

/// <summary>A binary mask over the whole slide.</summary>
public sealed class TissueMask
{
    private readonly byte[] _mask;

    /// <param name="width">Mask width, pixels.</param>
    /// <param name="height">Mask height, pixels.</param>
    /// <param name="downsampleX">Level-0 pixels per mask pixel, horizontally.</param>
    /// <param name="downsampleY">Level-0 pixels per mask pixel, vertically.</param>
    /// <param name="mask">Row-major, 1 where there is tissue, 0 elsewhere; kept, not copied.</param>
    public TissueMask(int width, int height, double downsampleX, double downsampleY, byte[] mask)
    {
        ArgumentNullException.ThrowIfNull(mask);
        ArgumentOutOfRangeException.ThrowIfNotEqual(mask.Length, checked(width * height));
        Width = width;
        Height = height;
        DownsampleX = downsampleX;
        DownsampleY = downsampleY;
        _mask = mask;
    }

    public int Width { get; }

    public int Height { get; }

    public double DownsampleX { get; }

    public double DownsampleY { get; }

    public ReadOnlySpan<byte> Pixels => _mask;

    public bool this[int x, int y] => _mask[(y * Width) + x] != 0;

    /// <summary>Share of <paramref name="rect"/> that is tissue, 0 to 1; what lies outside of the slide counts as no tissue.</summary>
    /// <remarks>
    /// Counts pixels, row by row and vectorised. A summed-area table would make it O(1) for 40 MB more on the largest mask; counting the
    /// 153,000 tiles of a 100,000 pixel slide takes 40 ms.
    /// </remarks>
    public double TissueShare(Level0Rect rect)
    {
        // Rounded outwards, at least one mask pixel: a tile smaller than a mask pixel takes that pixel's value.
        int x0 = (int)Math.Clamp(Math.Floor(rect.X / DownsampleX), 0, Width);
        int y0 = (int)Math.Clamp(Math.Floor(rect.Y / DownsampleY), 0, Height);
        int fullX1 = (int)Math.Max(x0 + 1, Math.Ceiling((rect.X + rect.Width) / DownsampleX));
        int fullY1 = (int)Math.Max(y0 + 1, Math.Ceiling((rect.Y + rect.Height) / DownsampleY));
        int x1 = Math.Min(fullX1, Width);
        int y1 = Math.Min(fullY1, Height);
        if (x1 <= x0 || y1 <= y0)
        {
            return 0;
        }

        int tissue = 0;
        for (int y = y0; y < y1; y++)
        {
            tissue += _mask.AsSpan((y * Width) + x0, x1 - x0).Count((byte)1);
        }

        return tissue / ((double)(fullX1 - x0) * (fullY1 - y0));
    }
}
