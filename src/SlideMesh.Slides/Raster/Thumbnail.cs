using System.Buffers;
using SlideMesh.Slides.Pyramid;

namespace SlideMesh.Slides.Raster;

/// <summary>
/// A small picture of the whole slide. Its edges are the slide's edges, so that a thumbnail pixel is exactly
/// <see cref="DownsampleX"/> × <see cref="DownsampleY"/> level-0 pixels.
/// </summary>
/// <param name="Image">RGB over white; what could not be read is white.</param>
/// <param name="DownsampleX">Level-0 pixels per thumbnail pixel.</param>
/// <param name="LevelIndex">Level that it was read from.</param>
/// <param name="UnreadableBlocks">Pieces (of up to 256 × 256 pixels of that level) that could not be read.</param>
/// <param name="UnreadableShare">Their share of the thumbnail's area, 0 to 1.</param>
/// <param name="ReadShare">
/// Share of the slide that was looked at, 0 to 1. Below 1 on a slide whose coarsest useful level would take more than
/// <see cref="MaxCoreSeconds"/> to decode: the rest is blended between the tiles that were read.
/// </param>
public sealed record Thumbnail(
    RgbImage Image, double DownsampleX, double DownsampleY, int LevelIndex, int UnreadableBlocks, double UnreadableShare, double ReadShare)
{
    /// <summary>Decoding time of one core that a thumbnail may take, by <see cref="ISlideSource.PixelsPerSecond"/>.</summary>
    public const double MaxCoreSeconds = 1.5;

    public const double DefaultMicronsPerPixel = 8;

    /// <summary>A slide that would need more is read at coarser microns per pixel: 10 Mpx is 30 MB of RGB, or 25 × 25 mm at 8 µm.</summary>
    public const int MaxPixels = 10_000_000;

    // 3 MB of RGB and 4 MB of ARGB in OpenSlide's reader. Neighbouring blocks share at most one source row or column; the
    // compressed tiles that they share come from the reader's cache.
    private const int BlockPx = 1024;
    private const int SmallestBlockPx = 256;

    /// <summary>
    /// Reads blocks of the coarsest level that is at least as fine as wanted and resamples them by area. A slide that is coarser
    /// than wanted keeps its own resolution. A block that fails is split down to the pieces that really are unreadable. A level that is
    /// too large to be decoded in time (a slide without a pyramid) is looked at in every so many tiles.
    /// </summary>
    /// <param name="mpp">µm per level-0 pixel.</param>
    /// <param name="targetMicronsPerPixel">Wanted µm per thumbnail pixel.</param>
    /// <exception cref="SlideFormatException">Nothing at all could be read.</exception>
    public static Thumbnail Read(
        ISlideSource source, MicronsPerPixel mpp, double targetMicronsPerPixel = DefaultMicronsPerPixel, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(mpp);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(targetMicronsPerPixel);
        PyramidLevel full = source.Levels[0];
        double target = Math.Max(
            targetMicronsPerPixel, Math.Sqrt((double)full.Width * full.Height * mpp.X * mpp.Y / MaxPixels));
        PyramidLevel level = ReadLevel(source, mpp, target);
        if (Math.Max(level.Width, level.Height) > int.MaxValue)
        {
            throw new SlideFormatException(
                source.Path, SlideFailureReason.TooLarge,
                $"'{source.Path}' is too large: its level {level.Index} would be {level.Width} × {level.Height} pixels; export it again, with a pyramid.");
        }

        int width = Size(full.Width * mpp.X, level.Width, target);
        int height = Size(full.Height * mpp.Y, level.Height, target);

        int step = SparseReader.StepFor(level, Affordable(source));
        if (step > 1)
        {
            return ReadSparsely(source, level, step, width, height, cancellation);
        }

        var reader = new BlockReader(source, level, new RgbImage(width, height), cancellation);
        reader.ReadAll();
        if (reader.UnreadablePixels == (long)width * height)
        {
            throw NothingReadable(source, level, reader.FirstError);
        }

        return new Thumbnail(
            reader.Image,
            (double)full.Width / width,
            (double)full.Height / height,
            level.Index,
            reader.UnreadableBlocks,
            reader.UnreadablePixels / ((double)width * height),
            ReadShare: 1);
    }

    /// <summary>Whether a thumbnail of this resolution takes a small part of <see cref="MaxCoreSeconds"/>.</summary>
    public static bool IsQuick(ISlideSource source, MicronsPerPixel mpp, double targetMicronsPerPixel)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(mpp);
        PyramidLevel level = ReadLevel(source, mpp, targetMicronsPerPixel);
        return (double)level.Width * level.Height <= Affordable(source) / 4.0;
    }

    private static long Affordable(ISlideSource source) => (long)(source.PixelsPerSecond * MaxCoreSeconds);

    private static PyramidLevel ReadLevel(ISlideSource source, MicronsPerPixel mpp, double target) =>
        source.Levels
            .Where(l => Math.Max(mpp.X, mpp.Y) * l.Downsample <= target * 1.01)
            .MaxBy(l => l.Downsample) ?? source.Levels[0];

    private static Thumbnail ReadSparsely(
        ISlideSource source, PyramidLevel level, int step, int width, int height, CancellationToken cancellation)
    {
        SparseReader reader = new(source, level, step, cancellation);
        RgbImage image = reader.Read(width, height);
        if (reader.Unreadable == reader.Cells)
        {
            throw NothingReadable(source, level, reader.FirstError);
        }

        PyramidLevel full = source.Levels[0];
        return new Thumbnail(
            image, (double)full.Width / width, (double)full.Height / height, level.Index,
            reader.Unreadable, reader.Unreadable / (double)reader.Cells, reader.ReadShare);
    }

    private static SlideFormatException NothingReadable(ISlideSource source, PyramidLevel level, string? error) => new(
        source.Path,
        SlideFailureReason.Unreadable,
        $"'{source.Path}': no part of level {level.Index} can be read: {error}; copy or export it again.");

    private static int Size(double microns, long levelPixels, double target) =>
        (int)Math.Clamp(Math.Round(microns / target), 1, levelPixels);

    private sealed class BlockReader(ISlideSource source, PyramidLevel level, RgbImage image, CancellationToken cancellation)
    {
        private readonly ResampleAxis _x = new(checked((int)level.Width), image.Width);
        private readonly ResampleAxis _y = new(checked((int)level.Height), image.Height);

        public RgbImage Image => image;

        public int UnreadableBlocks { get; private set; }

        public long UnreadablePixels { get; private set; }

        public string? FirstError { get; private set; }

        public void ReadAll()
        {
            int columns = BlockCount(_x);
            int rows = BlockCount(_y);
            for (int y = 0; y < rows; y++)
            {
                for (int x = 0; x < columns; x++)
                {
                    cancellation.ThrowIfCancellationRequested();
                    int x0 = Part(image.Width, x, columns);
                    int y0 = Part(image.Height, y, rows);
                    Read(new PixelBlock(x0, y0, Part(image.Width, x + 1, columns) - x0, Part(image.Height, y + 1, rows) - y0));
                }
            }
        }

        private static int BlockCount(ResampleAxis axis) => Math.Clamp((axis.Source + BlockPx - 1) / BlockPx, 1, axis.Destination);

        private static int Part(int length, int index, int count) => (int)((long)length * index / count);

        private void Read(PixelBlock block)
        {
            int sourceX = _x.Start(block.X);
            int sourceY = _y.Start(block.Y);
            int sourceWidth = _x.End(block.X + block.Width - 1) - sourceX;
            int sourceHeight = _y.End(block.Y + block.Height - 1) - sourceY;
            byte[] rgb = ArrayPool<byte>.Shared.Rent(checked(sourceWidth * sourceHeight * 3));
            string? error = null;
            try
            {
                // Level-0 corner of a level pixel: rounded, so that readers which round down again find the same pixel.
                var origin = new Level0Point((long)Math.Round(sourceX * level.Downsample), (long)Math.Round(sourceY * level.Downsample));
                source.ReadRegion(origin, level.Index, sourceWidth, sourceHeight, rgb);
                new AreaResampler(_x, _y).ResampleBlock(
                    rgb, sourceX, sourceY, sourceWidth, image.Pixels.AsSpan(((block.Y * image.Width) + block.X) * 3), image.Width, block);
            }
            catch (SlideFormatException e)
            {
                error = e.Message;
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(rgb);
            }

            if (error is not null)
            {
                SplitOrWhiten(block, Math.Max(sourceWidth, sourceHeight), error);
            }
        }

        private void SplitOrWhiten(PixelBlock block, int sourceEdge, string error)
        {
            cancellation.ThrowIfCancellationRequested();
            int left = (block.Width + 1) / 2;
            int top = (block.Height + 1) / 2;
            if (sourceEdge <= SmallestBlockPx || (left == block.Width && top == block.Height))
            {
                FirstError ??= error;
                UnreadableBlocks++;
                UnreadablePixels += (long)block.Width * block.Height;
                for (int y = block.Y; y < block.Y + block.Height; y++)
                {
                    image.Pixels.AsSpan(((y * image.Width) + block.X) * 3, block.Width * 3).Fill(255);
                }

                return;
            }

            foreach (PixelBlock part in (ReadOnlySpan<PixelBlock>)
                [
                    new(block.X, block.Y, left, top),
                    new(block.X + left, block.Y, block.Width - left, top),
                    new(block.X, block.Y + top, left, block.Height - top),
                    new(block.X + left, block.Y + top, block.Width - left, block.Height - top),
                ])
            {
                if (part is { Width: > 0, Height: > 0 })
                {
                    Read(part);
                }
            }
        }
    }
}
