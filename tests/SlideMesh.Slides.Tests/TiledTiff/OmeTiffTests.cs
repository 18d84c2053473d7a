using SlideMesh.Slides.OpenSlide;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.Raster;
using SlideMesh.Slides.TiledTiff;
using SlideMesh.Slides.TurboJpeg;

namespace SlideMesh.Slides.Tests.TiledTiff;

/// <summary>OME-TIFF whose levels hang below the first directory. Level by level the reference is a file in which OpenSlide sees that level.</summary>
public sealed class OmeTiffTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false, true, JpegSubsampling.Both)]
    [InlineData(true, true, JpegSubsampling.None)]
    [InlineData(true, false, JpegSubsampling.Horizontal)]
    public void Levels_below_the_first_directory_equal_openslide_on_each_alone(bool isBig, bool isLittleEndian, JpegSubsampling subsampling)
    {
        var builder = new TiffBuilder { IsBig = isBig, IsLittleEndian = isLittleEndian, Subsampling = subsampling };
        RgbImage[] levels = [Pictures.Noise(630, 470, 1), Pictures.Noise(315, 235, 2), Pictures.Noise(157, 117, 3)];
        string path = Save("slide.ome.tif", (builder with { HasSubIfds = true, Description = Xml(Pixels(630, 470)) }).Build(levels));
        using ISlideSource slide = SlideSource.Open(path, out string? why);
        Assert.Null(why);
        TiledTiffSource tiled = Assert.IsType<TiledTiffSource>(slide);
        Assert.Equal([(630L, 470L), (315, 235), (157, 117)], slide.Levels.Select(l => (l.Width, l.Height)));
        Assert.Equal(new MicronsPerPixel(0.25, 0.25, MicronsPerPixelSource.VendorProperty), slide.MicronsPerPixel);
        var random = new Random(2);
        for (int level = 0; level < 3; level++)
        {
            using OpenSlideSource alone = OpenSlideSource.Open(Save($"{level}.tif", builder.Build(levels[level])));
            for (int i = 0; i < 30; i++)
            {
                (int x, int y) = (random.Next((int)slide.Levels[level].Width), random.Next((int)slide.Levels[level].Height));
                (int width, int height) = (random.Next(1, 200), random.Next(1, 200));
                double downsample = slide.Levels[level].Downsample;
                var origin = new Level0Point((long)Math.Round(x * downsample), (long)Math.Round(y * downsample));
                Assert.Equal(SlidePair.Read(alone, new(x, y), 0, width, height), SlidePair.Read(slide, origin, level, width, height));
            }
        }

        Assert.Equal(0, tiled.DelegatedRegions);
        // Between pixels the nearest answers, where OpenSlide would blend: it cannot see the level.
        Assert.Equal(SlidePair.Read(slide, new(40, 40), 1, 50, 50), SlidePair.Read(slide, new(41, 40), 1, 50, 50));
    }

    [Fact]
    public void Damaged_tile_of_a_level_that_openslide_does_not_see_is_typed()
    {
        var builder = new TiffBuilder { HasSubIfds = true, Description = Xml(Pixels(630, 470)), Edit = (level, tile, jpeg) => (level, tile) == (1, 2) ? jpeg[..40] : jpeg };
        using ISlideSource slide = SlideSource.Open(Save("damaged.ome.tif", builder.Build(Pictures.Noise(630, 470, 1), Pictures.Noise(315, 235, 2))));
        byte[] rgb = new byte[64 * 64 * 3];
        SlideFormatException error = Assert.Throws<SlideFormatException>(() => slide.ReadRegion(new(256, 0), 1, 64, 64, rgb));
        Assert.Equal(SlideFailureReason.Unreadable, error.Reason);
        slide.ReadRegion(default, 1, 64, 64, rgb);
    }

    [Theory]
    [InlineData("<Pixels SizeX=\"630\" SizeY=\"470\" SizeC=\"3\"/><Pixels SizeX=\"63\" SizeY=\"47\" SizeC=\"3\"/>", "more than one RGB picture")]
    [InlineData("<Pixels SizeX=\"630\" SizeY=\"470\" SizeC=\"5\"/>", "more than one RGB picture")]
    [InlineData("<Pixels SizeX=\"630\" SizeY=\"470\" SizeC=\"3\" SizeZ=\"4\"/>", "more than one RGB picture")]
    [InlineData("<Pixels", "OME-XML is damaged")]
    [InlineData("", "names no picture")]
    public void Ome_tiff_of_another_kind_is_left_to_openslide(string pixels, string reason)
    {
        var builder = new TiffBuilder { HasSubIfds = true, Description = Xml(pixels) };
        using ISlideSource slide = SlideSource.Open(Save("other.ome.tif", builder.Build(Pictures.Noise(630, 470, 1), Pictures.Noise(315, 235, 2))), out string? why);
        Assert.IsType<OpenSlideSource>(slide);
        Assert.Contains(reason, why, StringComparison.Ordinal);
    }

    [Fact]
    public void Ome_xml_with_entities_is_not_followed()
    {
        string xml = "<?xml version=\"1.0\"?><!DOCTYPE OME [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><OME>&b;</OME>";
        var builder = new TiffBuilder { HasSubIfds = true, Description = xml };
        using ISlideSource slide = SlideSource.Open(Save("entities.ome.tif", builder.Build(Pictures.Noise(630, 470, 1), Pictures.Noise(315, 235, 2))), out string? why);
        Assert.Contains("OME-XML is damaged", why, StringComparison.Ordinal);
    }

    internal static string Pixels(int width, int height) =>
        $"<Pixels DimensionOrder=\"XYCZT\" Type=\"uint8\" SizeX=\"{width}\" SizeY=\"{height}\" SizeC=\"3\" SizeZ=\"1\" SizeT=\"1\" PhysicalSizeX=\"250\" PhysicalSizeXUnit=\"nm\" PhysicalSizeY=\"0.25\"/>";

    internal static string Xml(string pixels) =>
        $"<?xml version=\"1.0\" encoding=\"UTF-8\"?><OME xmlns=\"http://www.openmicroscopy.org/Schemas/OME/2016-06\"><Image ID=\"Image:0\">{pixels}</Image></OME>";

    private string Save(string name, byte[] file)
    {
        string path = _folder.File(name);
        File.WriteAllBytes(path, file);
        return path;
    }
}
