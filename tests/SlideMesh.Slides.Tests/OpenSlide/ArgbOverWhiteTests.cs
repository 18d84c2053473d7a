using SlideMesh.Slides.OpenSlide;

namespace SlideMesh.Slides.Tests.OpenSlide;

public class ArgbOverWhiteTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(1003)]
    public void Every_pixel_is_blended_exactly_and_nothing_else_is_written(int count)
    {
        var argb = new uint[count];
        for (int i = 0; i < count; i++)
        {
            uint alpha = i % 3 == 0 ? 255 : (uint)(i * 37 % 256);
            argb[i] = (alpha << 24) | ((alpha * 7 / 8) << 16) | ((alpha / 2) << 8) | (uint)(i % (alpha + 1));
        }

        var rgb = new byte[(count * 3) + 4];
        rgb.AsSpan().Fill(77);
        ArgbOverWhite.Convert(argb, rgb.AsSpan(0, count * 3));

        for (int i = 0; i < count; i++)
        {
            uint white = 255 - (argb[i] >> 24);
            Assert.Equal(((argb[i] >> 16) & 255) + white, rgb[i * 3]);
            Assert.Equal(((argb[i] >> 8) & 255) + white, rgb[(i * 3) + 1]);
            Assert.Equal((argb[i] & 255) + white, rgb[(i * 3) + 2]);
        }

        Assert.Equal([77, 77, 77, 77], rgb[^4..]);
    }
}
