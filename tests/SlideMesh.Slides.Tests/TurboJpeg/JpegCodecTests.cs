using SlideMesh.Slides.Raster;
using SlideMesh.Slides.TurboJpeg;

namespace SlideMesh.Slides.Tests.TurboJpeg;

public class JpegCodecTests
{
    [Fact]
    public void Encode_then_decode_flat_colour_survives()
    {
        using JpegEncoder encoder = new(95, JpegSubsampling.None);
        using JpegDecoder decoder = new();
        RgbImage decoded = decoder.Decode(encoder.Encode(Flat(33, 17)));
        Assert.Equal((33, 17), (decoded.Width, decoded.Height));
        Assert.InRange(decoded.Pixels[0] - 200, -2, 2);
        Assert.InRange(decoded.Pixels[^2] - 120, -2, 2);
        Assert.InRange(decoded.Pixels[^1] - 180, -2, 2);
    }

    [Fact]
    public void Encode_twice_gives_the_same_bytes()
    {
        using JpegEncoder first = new(80);
        using JpegEncoder second = new(80);
        Assert.Equal(first.Encode(Flat(64, 64)), second.Encode(Flat(64, 64)));
    }

    [Fact]
    public void Large_picture_takes_no_more_memory_than_its_JPEG()
    {
        RgbImage picture = new(1500, 1100);
        new Random(3).NextBytes(picture.Pixels.AsSpan(0, 200_000));
        using JpegEncoder encoder = new(90);
        using JpegDecoder decoder = new();
        long before = GC.GetAllocatedBytesForCurrentThread();
        byte[] jpeg = encoder.Encode(picture);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, jpeg.Length, jpeg.Length + 10_000);
        Assert.Equal((1500, 1100), decoder.ReadSize(jpeg));
        Assert.Equal([0, 0, 0], decoder.Decode(jpeg).Pixels[^3..]);
        Assert.Equal(jpeg, encoder.Encode(picture));
    }

    [Fact]
    public void Decode_at_half_size_gives_half_the_edge()
    {
        using JpegEncoder encoder = new();
        using JpegDecoder decoder = new();
        byte[] rgb = new byte[16 * 16 * 3];
        decoder.Decode(encoder.Encode(Flat(32, 32)), rgb, 16, 16);
        Assert.InRange(rgb[0] - 200, -3, 3);
        Assert.InRange(rgb[^1] - 180, -3, 3);
    }

    [Fact]
    public void Decode_of_something_else_says_so()
    {
        using JpegDecoder decoder = new();
        JpegException refused = Assert.Throws<JpegException>(() => decoder.Decode("not a picture"u8));
        Assert.Contains("JPEG", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Decode_of_truncated_data_is_refused_and_the_decoder_stays_usable()
    {
        using JpegEncoder encoder = new();
        using JpegDecoder decoder = new();
        RgbImage noise = new(64, 64);
        new Random(1).NextBytes(noise.Pixels);
        byte[] jpeg = encoder.Encode(noise);
        Assert.Throws<JpegException>(() => decoder.Decode(jpeg.AsSpan(0, jpeg.Length / 2)));
        Assert.Equal(64, decoder.Decode(jpeg).Width);
    }

    private static RgbImage Flat(int width, int height)
    {
        RgbImage image = new(width, height);
        for (int i = 0; i < image.Pixels.Length; i += 3)
        {
            (image.Pixels[i], image.Pixels[i + 1], image.Pixels[i + 2]) = (200, 120, 180);
        }

        return image;
    }
}
