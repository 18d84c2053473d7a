using System.Globalization;

namespace SlideMesh.Slides.Pyramid;

/// <summary>Decides a slide's microns per pixel: manifest, then vendor property, then TIFF resolution, then the run's default.</summary>
public static class MicronsPerPixelResolver
{
    /// <summary>µm per level-0 pixel outside of this range are no microscope's; 72 dpi, a common filler in TIFF files, is 353 µm.</summary>
    public const double Smallest = 0.02;

    public const double Largest = 20;

    /// <param name="manifestMpp">From the cohort's manifest, µm per level-0 pixel, both axes.</param>
    /// <param name="defaultMpp">From the run's options; used only when nothing else says.</param>
    /// <returns>Null when nobody knows.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A given number lies outside of 0.02 to 20 µm.</exception>
    public static MicronsPerPixel? Resolve(double? manifestMpp, ISlideSource source, double? defaultMpp)
    {
        ArgumentNullException.ThrowIfNull(source);
        return Given(manifestMpp, MicronsPerPixelSource.Manifest, nameof(manifestMpp))
            ?? source.MicronsPerPixel
            ?? Given(defaultMpp, MicronsPerPixelSource.DefaultOption, nameof(defaultMpp));
    }

    /// <summary>As <see cref="Resolve"/>, for callers that cannot go on without.</summary>
    /// <param name="shownPath">How messages name the slide.</param>
    /// <exception cref="SlideFormatException">Nobody knows: <see cref="SlideFailureReason.MicronsPerPixelMissing"/>.</exception>
    public static MicronsPerPixel Require(double? manifestMpp, ISlideSource source, double? defaultMpp, string shownPath) =>
        Resolve(manifestMpp, source, defaultMpp) ?? throw new SlideFormatException(
            source.Path, SlideFailureReason.MicronsPerPixelMissing,
            $"'{shownPath}' does not tell its microns per pixel; give it in the manifest (column mpp) or by --default-mpp.");

    /// <summary>The file's own answer from OpenSlide's property names; null when it has none that makes sense.</summary>
    public static MicronsPerPixel? FromProperties(Func<string, string?> property)
    {
        ArgumentNullException.ThrowIfNull(property);
        return FromVendor(property) ?? FromTiff(property);
    }

    public static bool IsPlausible(double micronsPerPixel) => micronsPerPixel is >= Smallest and <= Largest;

    private static MicronsPerPixel? FromVendor(Func<string, string?> property) => Pair(
        Number(property("openslide.mpp-x")), Number(property("openslide.mpp-y")), MicronsPerPixelSource.VendorProperty);

    private static MicronsPerPixel? FromTiff(Func<string, string?> property)
    {
        double? unit = property("tiff.ResolutionUnit") switch
        {
            "inch" => 25_400,
            "centimeter" => 10_000,
            _ => null,
        };
        return Pair(
            unit / Number(property("tiff.XResolution")), unit / Number(property("tiff.YResolution")), MicronsPerPixelSource.TiffResolution);
    }

    /// <summary>One axis speaks for both when the other is missing or absurd.</summary>
    private static MicronsPerPixel? Pair(double? x, double? y, MicronsPerPixelSource source)
    {
        double? goodX = x is { } a && IsPlausible(a) ? a : null;
        double? goodY = y is { } b && IsPlausible(b) ? b : null;
        return (goodX ?? goodY) is { } either ? new MicronsPerPixel(goodX ?? either, goodY ?? either, source) : null;
    }

    private static MicronsPerPixel? Given(double? value, MicronsPerPixelSource source, string name) => value switch
    {
        null => null,
        { } v when IsPlausible(v) => new MicronsPerPixel(v, v, source),
        _ => throw new ArgumentOutOfRangeException(name, value, $"Microns per pixel must lie between {Smallest} and {Largest}."),
    };

    private static double? Number(string? text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value) ? value : null;
}
