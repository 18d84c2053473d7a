using System.Globalization;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.Raster;
using SlideMesh.Slides.TiledTiff;
using SlideMesh.Slides.TurboJpeg;

namespace SlideMesh.Slides.Tests.TiledTiff;

/// <summary>TIFF as Philips scanners export it: levels of whole tiles whose own sizes only the XML tells, tiles without tissue left out.</summary>
public sealed class PhilipsTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false, JpegSubsampling.Both)]
    [InlineData(true, JpegSubsampling.None)]
    public void Padded_levels_with_left_out_tiles_equal_openslide(bool isBig, JpegSubsampling subsampling)
    {
        var builder = new TiffBuilder
        {
            IsBig = isBig,
            Subsampling = subsampling,
            SharesTables = true,
            Software = "Philips DP v1.0",
            Description = Xml(0.00025, 0.0005, 0.001),
            Edit = (level, tile, jpeg) => (level, tile) is (0, 3) or (0, 17) or (1, 0) ? [] : jpeg,
        };
        string path = _folder.File("philips.tiff");
        File.WriteAllBytes(path, builder.Build(Picture(640, 512), Picture(320, 256), Picture(192, 128)));
        using var pair = new SlidePair(path);
        Assert.Equal("philips", pair.Tiled.Vendor);
        Assert.Equal([(640, 512), (320, 256), (160, 128)], pair.Tiled.Levels.Select(l => (l.Width, l.Height)));
        pair.AssertSameFacts();
        pair.AssertSame(new(192, 0), 0, 64, 64);
        pair.AssertSame(new(600, 480), 2, 40, 40);
        pair.AssertSameInRandomRegions(seed: 8, count: 100, maxEdge: 200, onWholePixels: true);
        Assert.Equal(0, pair.Tiled.DelegatedRegions);
    }

    [Fact]
    public void Tiled_pictures_that_are_no_levels_leave_the_slide_to_openslide()
    {
        var builder = new TiffBuilder { Software = "Philips DP v1.0", Description = Xml(0.00025, 0.0005), Photometric = 2, Subsampling = JpegSubsampling.None };
        string path = _folder.File("small.tiff");
        // The directory of level 1 is smaller than the level: not what padding does.
        File.WriteAllBytes(path, builder.Build(Picture(640, 512), Picture(256, 192)));
        using ISlideSource slide = SlideSource.Open(path, out string? why);
        Assert.Equal("philips", slide.Vendor);
        Assert.IsNotType<TiledTiffSource>(slide);
        Assert.Contains("ImageWidth is 256", why, StringComparison.Ordinal);
    }

    private static RgbImage Picture(int width, int height) => Pictures.Noise(width, height, 11);

    /// <param name="spacings">Millimetres per pixel of every level.</param>
    internal static string Xml(params double[] spacings)
    {
        IEnumerable<string> levels = spacings.Select((s, i) => string.Create(
            CultureInfo.InvariantCulture,
            $"<DataObject ObjectType=\"PixelDataRepresentation\">{Attribute("DICOM_PIXEL_SPACING", "IDoubleArray", $"&quot;{s:0.000000}&quot; &quot;{s:0.000000}&quot;")}{Attribute("PIIM_PIXEL_DATA_REPRESENTATION_NUMBER", "IUInt16", $"{i}")}</DataObject>"));
        string image = "<DataObject ObjectType=\"DPScannedImage\">"
            + Attribute("PIM_DP_IMAGE_TYPE", "IString", "WSI")
            + Attribute("PIIM_PIXEL_DATA_REPRESENTATION_SEQUENCE", "IDataObjectArray", $"<Array>{string.Concat(levels)}</Array>")
            + "</DataObject>";
        return "<?xml version=\"1.0\" encoding=\"UTF-8\" ?><DataObject ObjectType=\"DPUfsImport\">"
            + Attribute("DICOM_MANUFACTURER", "IString", "PHILIPS")
            + Attribute("PIM_DP_SCANNED_IMAGES", "IDataObjectArray", $"<Array>{image}</Array>")
            + "</DataObject>";
    }

    private static string Attribute(string name, string type, string body) =>
        $"<Attribute Name=\"{name}\" Group=\"0x0\" Element=\"0x0\" PMSVR=\"{type}\">{body}</Attribute>";
}
