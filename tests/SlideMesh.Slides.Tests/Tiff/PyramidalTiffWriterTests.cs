using SlideMesh.Slides.Raster;
using SlideMesh.Slides.Tiff;
using SlideMesh.Slides.TurboJpeg;

namespace SlideMesh.Slides.Tests.Tiff;

public class PyramidalTiffWriterTests
{
    private static readonly PyramidalTiffOptions Plain = new() { JpegQuality = 95, Subsampling = JpegSubsampling.None, MicronsPerPixel = 0.5, SmallestLevelPx = 300 };

    [Theory]
    [InlineData(2, new[] { 1100, 550, 275 })]
    [InlineData(4, new[] { 1100, 275 })]
    public void Write_odd_sizes_halves_until_small_enough(int factor, int[] widths)
    {
        List<BigTiffDirectory> levels = BigTiffDirectory.ReadAll(Written(Gradient(1100, 701), Plain with { LevelFactor = factor }));
        Assert.Equal(widths.Select(w => (long)w), levels.Select(l => l.Values(256)[0]));
        for (int i = 0; i < levels.Count; i++)
        {
            double downsample = Math.Pow(factor, i);
            Assert.Equal((long)Math.Ceiling(701 / downsample), levels[i].Values(257)[0]);
            Assert.Equal(i == 0 ? 0 : 1, levels[i].Values(254)[0]);
            Assert.Equal(20000 / downsample, levels[i].Rational(282), 6);
            Assert.Equal(3, levels[i].Values(296)[0]);
        }
    }

    [Fact]
    public void Write_every_level_matches_box_average_of_the_image()
    {
        RgbImage image = Gradient(1100, 701);
        byte[] file = Written(image, Plain);
        List<BigTiffDirectory> levels = BigTiffDirectory.ReadAll(file);
        for (int i = 0; i < levels.Count; i++)
        {
            RgbImage decoded = Decode(file, levels[i]);
            int downsample = 1 << i;
            foreach ((int x, int y) in new[] { (0, 0), (decoded.Width - 1, decoded.Height - 1), (decoded.Width / 2, 3), (7, decoded.Height / 3) })
            {
                for (int c = 0; c < 3; c++)
                {
                    // JPEG at quality 95 on a smooth picture: 3 grey levels.
                    Assert.InRange(decoded.Pixels[(((y * decoded.Width) + x) * 3) + c] - Mean(image, x, y, c, downsample), -3.0, 3.0);
                }
            }
        }
    }

    [Fact]
    public void Write_callback_and_image_give_the_same_bytes_with_any_thread_count()
    {
        RgbImage image = Gradient(1100, 701);
        byte[] single = Written(image, Plain with { Threads = 1 });
        Assert.Equal(single, Written(image, Plain with { Threads = 3 }));
        using MemoryStream stream = new();
        PyramidalTiffWriter.Write(stream, image.Width, image.Height, (x, y, width, height, rgb) =>
        {
            for (int i = 0; i < width * height; i++)
            {
                image.Pixels.AsSpan((int)((((y + (i / width)) * image.Width) + x + (i % width)) * 3), 3).CopyTo(rgb[(i * 3)..]);
            }
        }, Plain);
        Assert.Equal(single, stream.ToArray());
    }

    [Theory]
    [InlineData(JpegSubsampling.None, 1, 1)]
    [InlineData(JpegSubsampling.Horizontal, 2, 1)]
    [InlineData(JpegSubsampling.Both, 2, 2)]
    public void Write_subsampling_is_declared(JpegSubsampling subsampling, int horizontal, int vertical)
    {
        BigTiffDirectory level = BigTiffDirectory.ReadAll(Written(Gradient(64, 64), Plain with { Subsampling = subsampling }))[0];
        Assert.Equal([horizontal, vertical], level.Values(530));
        Assert.Equal(6, level.Values(262)[0]);
        Assert.Equal(7, level.Values(259)[0]);
    }

    [Fact]
    public void Write_without_microns_per_pixel_leaves_resolution_out()
    {
        BigTiffDirectory level = BigTiffDirectory.ReadAll(Written(Gradient(64, 64), Plain with { MicronsPerPixel = null, Description = "made up" }))[0];
        Assert.False(level.Has(282) || level.Has(283) || level.Has(296));
        Assert.Equal("made up", level.Text(270));
    }

    [Theory]
    [InlineData(0.25)]
    [InlineData(0.2273)]
    [InlineData(0.499)]
    public void Write_microns_per_pixel_survive(double micronsPerPixel)
    {
        BigTiffDirectory level = BigTiffDirectory.ReadAll(Written(Gradient(64, 64), Plain with { MicronsPerPixel = micronsPerPixel }))[0];
        Assert.Equal(micronsPerPixel, 10000 / level.Rational(282), 9);
    }

    [Fact]
    public void Write_what_the_renderer_throws_reaches_the_caller()
    {
        using MemoryStream stream = new();
        Assert.Throws<InvalidDataException>(
            () => PyramidalTiffWriter.Write(stream, 600, 600, (_, _, _, _, _) => throw new InvalidDataException("no pixels"), Plain));
    }

    [Fact]
    public void Write_at_a_later_position_of_the_stream_counts_offsets_from_there()
    {
        RgbImage image = Gradient(400, 300);
        using MemoryStream stream = new();
        stream.Write(new byte[40]);
        PyramidalTiffWriter.Write(stream, image, Plain);
        Assert.Equal(Written(image, Plain), stream.ToArray()[40..]);
    }

    [Fact]
    public void Repeat_every_level_shows_the_block_again_and_again()
    {
        RgbImage block = Gradient(512, 512);
        using MemoryStream stream = new();
        RepeatedTiff.Write(stream, block, 5000, 3000, Plain);
        byte[] file = stream.ToArray();
        List<BigTiffDirectory> levels = BigTiffDirectory.ReadAll(file);
        Assert.Equal([5000, 2500, 1250, 625, 313, 157], levels.Select(l => l.Values(256)[0]));
        for (int i = 0; i < levels.Count; i++)
        {
            RgbImage level = Decode(file, levels[i]);
            int downsample = 1 << i;
            (int x, int y) = (level.Width - 20, level.Height - 20);
            int blockX = x % (512 / downsample);
            int blockY = y % (512 / downsample);
            Assert.InRange(level.Pixels[((y * level.Width) + x) * 3] - Mean(block, blockX, blockY, 0, downsample), -12.0, 12.0);
        }

        Assert.InRange(file.Length, 1, 300_000);
    }

    [Fact]
    public void Repeat_block_that_does_not_fit_tiles_is_refused()
    {
        using MemoryStream stream = new();
        Assert.Throws<ArgumentException>(() => RepeatedTiff.Write(stream, Gradient(500, 500), 5000, 3000, Plain));
    }

    private static byte[] Written(RgbImage image, PyramidalTiffOptions options)
    {
        using MemoryStream stream = new();
        PyramidalTiffWriter.Write(stream, image, options);
        return stream.ToArray();
    }

    private static RgbImage Decode(byte[] file, BigTiffDirectory level)
    {
        RgbImage image = new((int)level.Values(256)[0], (int)level.Values(257)[0]);
        int edge = (int)level.Values(322)[0];
        int columns = (image.Width + edge - 1) / edge;
        long[] offsets = level.Values(324);
        long[] sizes = level.Values(325);
        using JpegDecoder decoder = new();
        for (int i = 0; i < offsets.Length; i++)
        {
            RgbImage tile = decoder.Decode(file.AsSpan((int)offsets[i], (int)sizes[i]));
            Assert.Equal((edge, edge), (tile.Width, tile.Height));
            (int left, int top) = (i % columns * edge, i / columns * edge);
            int width = Math.Min(edge, image.Width - left);
            for (int row = 0; row < Math.Min(edge, image.Height - top); row++)
            {
                tile.Pixels.AsSpan(row * edge * 3, width * 3).CopyTo(image.Pixels.AsSpan((((top + row) * image.Width) + left) * 3));
            }
        }

        return image;
    }

    private static double Mean(RgbImage image, int x, int y, int channel, int downsample)
    {
        double sum = 0;
        int count = 0;
        for (int v = y * downsample; v < Math.Min(image.Height, (y + 1) * downsample); v++)
        {
            for (int u = x * downsample; u < Math.Min(image.Width, (x + 1) * downsample); u++)
            {
                sum += image.Pixels[(((v * image.Width) + u) * 3) + channel];
                count++;
            }
        }

        return sum / count;
    }

    private static RgbImage Gradient(int width, int height)
    {
        RgbImage image = new(width, height);
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                int at = ((y * width) + x) * 3;
                image.Pixels[at] = (byte)(x * 255 / width);
                image.Pixels[at + 1] = (byte)(y * 255 / height);
                image.Pixels[at + 2] = (byte)(128 + (100 * Math.Sin((x + y) / 60.0)));
            }
        }

        return image;
    }
}
