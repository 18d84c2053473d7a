using SlideMesh.Slides.Pyramid;

namespace SlideMesh.Slides.Tests.Pyramid;

public class MicronsPerPixelResolverTests
{
    private static readonly MicronsPerPixel Vendor = new(0.25, 0.26, MicronsPerPixelSource.VendorProperty);

    [Fact]
    public void Order_is_manifest_then_file_then_default()
    {
        using var known = new MemorySlide(Pictures.Gradient(4, 4)) { MicronsPerPixel = Vendor };
        using var unknown = new MemorySlide(Pictures.Gradient(4, 4));
        Assert.Equal(new MicronsPerPixel(0.4, 0.4, MicronsPerPixelSource.Manifest), MicronsPerPixelResolver.Resolve(0.4, known, 0.5));
        Assert.Equal(Vendor, MicronsPerPixelResolver.Resolve(null, known, 0.5));
        Assert.Equal(new MicronsPerPixel(0.5, 0.5, MicronsPerPixelSource.DefaultOption), MicronsPerPixelResolver.Resolve(null, unknown, 0.5));
        Assert.Null(MicronsPerPixelResolver.Resolve(null, unknown, null));
    }

    [Fact]
    public void Required_number_that_nobody_knows_is_a_typed_error_with_the_path_as_shown()
    {
        using var unknown = new MemorySlide(Pictures.Gradient(4, 4));
        Assert.Equal(0.5, MicronsPerPixelResolver.Require(null, unknown, 0.5, "s/a.svs").Mean);
        SlideFormatException told = Assert.Throws<SlideFormatException>(() => MicronsPerPixelResolver.Require(null, unknown, null, "s/a.svs"));
        Assert.Equal(SlideFailureReason.MicronsPerPixelMissing, told.Reason);
        Assert.Contains("'s/a.svs'", told.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0.25", "0.26", null, null, null, 0.25, 0.26, MicronsPerPixelSource.VendorProperty)]
    [InlineData("0.25", null, null, null, null, 0.25, 0.25, MicronsPerPixelSource.VendorProperty)]
    [InlineData("0", "0", "20000", "10000", "centimeter", 0.5, 1, MicronsPerPixelSource.TiffResolution)]
    [InlineData(null, null, "50800", "50800", "inch", 0.5, 0.5, MicronsPerPixelSource.TiffResolution)]
    [InlineData("nan", "x", "101600", "101600", "inch", 0.25, 0.25, MicronsPerPixelSource.TiffResolution)]
    public void File_speaks_by_vendor_then_tiff(
        string? mppX, string? mppY, string? resolutionX, string? resolutionY, string? unit, double x, double y, MicronsPerPixelSource source)
    {
        MicronsPerPixel? found = MicronsPerPixelResolver.FromProperties(Properties(mppX, mppY, resolutionX, resolutionY, unit));
        Assert.NotNull(found);
        Assert.Equal(source, found.Source);
        Assert.Equal(x, found.X, 9);
        Assert.Equal(y, found.Y, 9);
    }

    [Theory]
    [InlineData(null, null, null)]
    [InlineData("72", "72", "inch")]
    [InlineData("300", "300", "inch")]
    [InlineData("20000", "20000", "none")]
    [InlineData("0", "0", "centimeter")]
    public void Absurd_or_missing_resolution_is_unknown(string? resolutionX, string? resolutionY, string? unit) =>
        Assert.Null(MicronsPerPixelResolver.FromProperties(Properties(null, null, resolutionX, resolutionY, unit)));

    [Theory]
    [InlineData(0)]
    [InlineData(-0.5)]
    [InlineData(500)]
    public void Absurd_manifest_value_is_refused(double mpp)
    {
        using var slide = new MemorySlide(Pictures.Gradient(4, 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => MicronsPerPixelResolver.Resolve(mpp, slide, null));
    }

    private static Func<string, string?> Properties(string? mppX, string? mppY, string? resolutionX, string? resolutionY, string? unit) =>
        name => name switch
        {
            "openslide.mpp-x" => mppX,
            "openslide.mpp-y" => mppY,
            "tiff.XResolution" => resolutionX,
            "tiff.YResolution" => resolutionY,
            "tiff.ResolutionUnit" => unit,
            _ => null,
        };
}
