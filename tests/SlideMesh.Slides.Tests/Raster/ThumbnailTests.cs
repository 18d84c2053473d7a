using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.Raster;

namespace SlideMesh.Slides.Tests.Raster;

public class ThumbnailTests
{
    private static readonly MicronsPerPixel HalfMicron = new(0.5, 0.5, MicronsPerPixelSource.Manifest);

    [Fact]
    public void Read_in_blocks_equals_resampling_the_whole()
    {
        RgbImage image = Pictures.Noise(4500, 2100, 3);
        using var slide = new MemorySlide(image);
        Thumbnail thumbnail = Thumbnail.Read(slide, HalfMicron);
        Assert.Equal((281, 131), (thumbnail.Image.Width, thumbnail.Image.Height));
        Assert.Equal(AreaResampler.Resample(image, 281, 131).Pixels, thumbnail.Image.Pixels);
        Assert.Equal(4500 / 281.0, thumbnail.DownsampleX);
    }

    [Theory]
    [InlineData(8, 2)]
    [InlineData(7.9, 1)]
    [InlineData(2, 1)]
    [InlineData(1, 0)]
    public void Level_is_the_coarsest_that_is_fine_enough(double target, int level)
    {
        using var slide = new MemorySlide(Pictures.Noise(640, 320, 3), 4, 16);
        Assert.Equal(level, Thumbnail.Read(slide, HalfMicron, target).LevelIndex);
    }

    [Fact]
    public void Blocks_bound_the_memory_of_a_read()
    {
        using var slide = new MemorySlide(Pictures.Gradient(9000, 1500));
        Thumbnail.Read(slide, HalfMicron);
        Assert.InRange(slide.LargestReadPixels, 1, 2100 * 2100);
        Assert.InRange(slide.PixelsRead, 9000 * 1500, 9000 * 1500 * 1.01);
    }

    [Fact]
    public void Unreadable_part_is_white_and_counted_and_the_rest_is_read()
    {
        RgbImage image = Pictures.Gradient(3000, 3000);
        using var slide = new MemorySlide(image) { Damage = new Level0Rect(1000, 1000, 64, 64) };
        Thumbnail thumbnail = Thumbnail.Read(slide, HalfMicron);
        byte[] whole = AreaResampler.Resample(image, thumbnail.Image.Width, thumbnail.Image.Height).Pixels;
        int different = 0;
        for (int i = 0; i < whole.Length; i += 3)
        {
            if (whole[i] != thumbnail.Image.Pixels[i])
            {
                different++;
                Assert.Equal(255, thumbnail.Image.Pixels[i]);
            }
        }

        Assert.InRange(thumbnail.UnreadableBlocks, 1, 4);
        Assert.InRange(thumbnail.UnreadableShare, 64 * 64 / 9e6, 4 * 256 * 256 / 9e6);
        Assert.Equal(thumbnail.UnreadableShare * whole.Length / 3, different, 3);
    }

    [Fact]
    public void A_level_that_takes_too_long_is_looked_at_in_evenly_spread_tiles()
    {
        // 3 of 4 tiles of each axis may not be read; a square of tissue must still stand where it is.
        RgbImage image = new(8000, 6000);
        Array.Fill(image.Pixels, (byte)240);
        for (int y = 1500; y < 4500; y++)
        {
            image.Pixels.AsSpan(((y * 8000) + 2000) * 3, 3000 * 3).Fill(100);
        }

        using var slide = new MemorySlide(image) { PixelsPerSecond = 8000 * 6000 / 24, TileEdge = 100 };
        Thumbnail thumbnail = Thumbnail.Read(slide, HalfMicron);

        Assert.Equal(1 / 16.0, thumbnail.ReadShare, 3);
        Assert.InRange(slide.PixelsRead, 8000 * 6000 / 17, 8000 * 6000 / 15);
        Assert.Equal((500, 375), (thumbnail.Image.Width, thumbnail.Image.Height));
        byte[] whole = AreaResampler.Resample(image, 500, 375).Pixels;
        int wrong = 0;
        for (int i = 0; i < whole.Length; i += 3)
        {
            wrong += (whole[i] < 170) != (thumbnail.Image.Pixels[i] < 170) ? 1 : 0;
        }

        // The outline is known to half the distance of two tiles that were read: 200 of its 12,000 pixels' neighbourhood.
        Assert.InRange(wrong / (500 * 375.0), 0, 12000 * 200 / (8000 * 6000.0));
    }

    [Fact]
    public void What_is_read_of_a_large_level_depends_on_its_size_alone()
    {
        RgbImage image = Pictures.Noise(3000, 2000, 5);
        using var one = new MemorySlide(image) { PixelsPerSecond = 400_000 };
        using var two = new MemorySlide(image) { PixelsPerSecond = 400_000 };
        Assert.Equal(Thumbnail.Read(one, HalfMicron).Image.Pixels, Thumbnail.Read(two, HalfMicron).Image.Pixels);
        Assert.InRange(one.PixelsRead, 1, 600_000);
    }

    [Fact]
    public void Unreadable_tiles_among_those_read_are_white_and_counted()
    {
        using var slide = new MemorySlide(Pictures.Gradient(3000, 3000)) { PixelsPerSecond = 600_000, TileEdge = 100, Damage = new Level0Rect(0, 0, 1500, 3000) };
        Thumbnail thumbnail = Thumbnail.Read(slide, HalfMicron);
        Assert.InRange(thumbnail.UnreadableShare, 0.45, 0.6);
        Assert.Equal(255, thumbnail.Image.Pixels[0]);

        using var lost = new MemorySlide(Pictures.Gradient(3000, 3000)) { PixelsPerSecond = 600_000, Damage = new Level0Rect(0, 0, 3000, 3000) };
        Assert.Equal(SlideFailureReason.Unreadable, Assert.Throws<SlideFormatException>(() => Thumbnail.Read(lost, HalfMicron)).Reason);
    }

    [Fact]
    public void Nothing_readable_is_a_typed_error()
    {
        using var slide = new MemorySlide(Pictures.Gradient(600, 600)) { Damage = new Level0Rect(0, 0, 600, 600) };
        Assert.Equal(SlideFailureReason.Unreadable, Assert.Throws<SlideFormatException>(() => Thumbnail.Read(slide, HalfMicron)).Reason);
    }
}
