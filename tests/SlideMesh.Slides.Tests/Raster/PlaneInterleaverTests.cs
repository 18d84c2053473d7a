using SlideMesh.Slides.Raster;

namespace SlideMesh.Slides.Tests.Raster;

public class PlaneInterleaverTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(33)]
    [InlineData(240)]
    public void Row_of_any_length_holds_the_planes_in_turn_and_nothing_is_written_behind_it(int length)
    {
        byte[] planes = Pictures.Noise(256, 1, 3).Pixels;
        byte[] rgb = new byte[(length * 3) + 1];
        rgb[^1] = 77;
        PlaneInterleaver.Interleave(planes.AsSpan(0, length), planes.AsSpan(256, length), planes.AsSpan(512, length), rgb);
        Assert.Equal(
            Enumerable.Range(0, length).SelectMany(i => new[] { planes[i], planes[256 + i], planes[512 + i] }).Append((byte)77), rgb);
    }
}
