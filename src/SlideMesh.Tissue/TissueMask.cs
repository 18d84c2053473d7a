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

/// <summary>A binary mask over the whole slide with O(1) area queries by a summed-area table.</summary>
public sealed class TissueMask
{
    private readonly byte[] _mask;
    private readonly int[] _sums;

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
        _sums = new int[checked((width + 1) * (height + 1))];
        for (int y = 0; y < height; y++)
        {
            int row = 0;
            for (int x = 0; x < width; x++)
            {
                row += mask[(y * width) + x];
                _sums[((y + 1) * (width + 1)) + x + 1] = _sums[(y * (width + 1)) + x + 1] + row;
            }
        }
    }

    public int Width { get; }

    public int Height { get; }

    public double DownsampleX { get; }

    public double DownsampleY { get; }

    public ReadOnlySpan<byte> Pixels => _mask;

    public bool this[int x, int y] => _mask[(y * Width) + x] != 0;

    /// <summary>Share of <paramref name="rect"/> that is tissue, 0 to 1; what lies outside of the slide counts as no tissue.</summary>
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

        int stride = Width + 1;
        int sum = _sums[(y1 * stride) + x1] - _sums[(y0 * stride) + x1] - _sums[(y1 * stride) + x0] + _sums[(y0 * stride) + x0];
        return sum / ((double)(fullX1 - x0) * (fullY1 - y0));
    }
}
