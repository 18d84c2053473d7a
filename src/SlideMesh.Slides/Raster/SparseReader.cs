using System.Buffers;
using SlideMesh.Slides.Pyramid;

namespace SlideMesh.Slides.Raster;

/// <summary>
/// A coarse picture of a level that is too large to be decoded whole: of every <c>step</c> × <c>step</c> of the file's own tiles one
/// is read, and what lies between is blended from the mean colours of those read. Which tiles are read depends on sizes only.
/// </summary>
internal sealed class SparseReader
{
    /// <summary>Of 12 × 12 tiles of 256 pixels at 0.25 µm one every 0.8 mm: what is smaller than that may be missed.</summary>
    private const int MaxStep = 12;

    private readonly ISlideSource _source;
    private readonly PyramidLevel _level;
    private readonly CancellationToken _cancellation;
    private readonly Axis _x;
    private readonly Axis _y;
    private string? _firstError;
    private int _unreadable;

    public SparseReader(ISlideSource source, PyramidLevel level, int step, CancellationToken cancellation)
    {
        _source = source;
        _level = level;
        _cancellation = cancellation;
        (int width, int height) = source.TilePx(level.Index);
        _x = new Axis(level.Width, width, step);
        _y = new Axis(level.Height, height, step);
    }

    /// <summary>Share of the level's tiles that are read, 0 to 1.</summary>
    public double ReadShare => Cells / ((double)_x.Tiles * _y.Tiles);

    public int Unreadable => _unreadable;

    public int Cells => checked(_x.Cells * _y.Cells);

    public string? FirstError => _firstError;

    /// <summary>The smallest step with which at most <paramref name="pixels"/> are decoded; 1 reads everything.</summary>
    public static int StepFor(PyramidLevel level, long pixels)
    {
        int step = 1;
        while (step < MaxStep && (double)level.Width * level.Height / (step * step) > pixels)
        {
            step++;
        }

        return step;
    }

    /// <summary>Reads on all cores and enlarges to <paramref name="width"/> × <paramref name="height"/> pixels over the whole level.</summary>
    public RgbImage Read(int width, int height)
    {
        RgbImage means = new(_x.Cells, _y.Cells);
        Parallel.For(0, _y.Cells, new ParallelOptions { CancellationToken = _cancellation }, row =>
        {
            byte[] rgb = ArrayPool<byte>.Shared.Rent(checked(_x.TilePx * _y.TilePx * 3));
            try
            {
                for (int column = 0; column < _x.Cells; column++)
                {
                    ReadMean(column, row, rgb, means.Pixels.AsSpan(((row * _x.Cells) + column) * 3, 3));
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(rgb);
            }
        });

        // The last cell may hang over the edge: enlarged to its full extent, then cut.
        RgbImage whole = AreaResampler.Resample(means, _x.Enlarged(width), _y.Enlarged(height));
        RgbImage image = new(width, height);
        for (int y = 0; y < height; y++)
        {
            whole.Pixels.AsSpan(y * whole.Width * 3, width * 3).CopyTo(image.Pixels.AsSpan(y * width * 3));
        }

        return image;
    }

    private void ReadMean(int column, int row, byte[] rgb, Span<byte> mean)
    {
        _cancellation.ThrowIfCancellationRequested();
        (long x, int width) = _x.Sample(column);
        (long y, int height) = _y.Sample(row);
        Span<byte> pixels = rgb.AsSpan(0, width * height * 3);
        try
        {
            _source.ReadRegion(
                new Level0Point((long)Math.Round(x * _level.Downsample), (long)Math.Round(y * _level.Downsample)), _level.Index, width, height, pixels);
        }
        catch (SlideFormatException e)
        {
            Interlocked.CompareExchange(ref _firstError, e.Message, null);
            Interlocked.Increment(ref _unreadable);
            mean.Fill(255);
            return;
        }

        long red = 0, green = 0, blue = 0;
        for (int i = 0; i < pixels.Length; i += 3)
        {
            red += pixels[i];
            green += pixels[i + 1];
            blue += pixels[i + 2];
        }

        long count = width * height;
        mean[0] = (byte)((red + (count / 2)) / count);
        mean[1] = (byte)((green + (count / 2)) / count);
        mean[2] = (byte)((blue + (count / 2)) / count);
    }

    /// <summary>One axis: cells of <paramref name="step"/> tiles, of which the middle one is read.</summary>
    private readonly struct Axis(long length, int tilePx, int step)
    {
        public int TilePx => tilePx;

        public int Tiles { get; } = checked((int)((length + tilePx - 1) / tilePx));

        public int Cells => (Tiles + step - 1) / step;

        public (long Start, int Length) Sample(int cell)
        {
            long start = (long)Math.Min((cell * step) + (step / 2), Tiles - 1) * tilePx;
            return (start, (int)Math.Min(tilePx, length - start));
        }

        /// <summary>Pixels that all cells take, when the level itself takes <paramref name="picture"/>.</summary>
        public int Enlarged(int picture) => Math.Max(picture, (int)Math.Round((double)picture * Cells * step * tilePx / length));
    }
}
