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
    public void Nothing_readable_is_a_typed_error()
    {
        using var slide = new MemorySlide(Pictures.Gradient(600, 600)) { Damage = new Level0Rect(0, 0, 600, 600) };
        Assert.Equal(SlideFailureReason.Unreadable, Assert.Throws<SlideFormatException>(() => Thumbnail.Read(slide, HalfMicron)).Reason);
    }
}
