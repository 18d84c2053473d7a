using SlideMesh.Reporting.Features.Hdf5;
using SlideMesh.Slides.Pyramid;

namespace SlideMesh.Reporting.Features;

/// <summary>
/// Reads what a features file says about itself: ours by its root attributes, TRIDENT's (a91fa84) by the attributes of <c>features</c> and
/// <c>coords</c>, CLAM's (53e2409) by the little there is, STAMP's (c54ce06) by its root attributes.
/// </summary>
internal static class FeatureClaimsReader
{
    private const string OwnFormat = "slidemesh-features/";

    /// <param name="coords">Null when the file has no coordinates.</param>
    public static FeatureClaims Read(Hdf5File file, Hdf5Id features, Hdf5Id? coords, bool isStamp)
    {
        if (file.ReadText(file.Root, "format")?.StartsWith(OwnFormat, StringComparison.Ordinal) == true)
        {
            return ReadOwn(file, coords);
        }

        return isStamp ? ReadStamp(file, coords is not null) : ReadClamOrTrident(file, features, coords);
    }

    /// <summary>Edges of a tile, level-0 pixels; 0 when the file does not say.</summary>
    public static (int Width, int Height) TileSizeLevel0(Hdf5File file, Hdf5Id? coords)
    {
        double edge = coords is null ? 0 : file.ReadNumber(coords, "patch_size_level0") ?? ClamEdge(file, coords) ?? 0;
        return (Edge(file.ReadNumber(file.Root, "tile_width_level0") ?? edge), Edge(file.ReadNumber(file.Root, "tile_height_level0") ?? edge));
    }

    private static FeatureClaims ReadOwn(Hdf5File file, Hdf5Id? coords)
    {
        MicronsPerPixel? mpp = file.ReadNumber(file.Root, "slide_mpp_x") is double x && file.ReadNumber(file.Root, "slide_mpp_y") is double y
            && Enum.TryParse(file.ReadText(file.Root, "slide_mpp_source"), out MicronsPerPixelSource source) && IsPlausible(x) && IsPlausible(y)
            ? new MicronsPerPixel(x, y, source)
            : null;
        return new FeatureClaims
        {
            Format = FeatureFormat.Slidemesh,
            Unit = coords is null ? CoordinateUnit.Unknown : CoordinateUnit.Level0Pixels,
            SlideFingerprint = file.ReadText(file.Root, "slide_fingerprint"),
            Stream = file.ReadText(file.Root, "stream"),
            Encoder = file.ReadText(file.Root, "encoder"),
            EncoderSha256 = file.ReadText(file.Root, "encoder_sha256"),
            SoftwareVersion = file.ReadText(file.Root, "slidemesh_version"),
            TileSizePx = Whole(file.ReadNumber(file.Root, "tile_size_px")),
            TileMicronsPerPixel = Positive(file.ReadNumber(file.Root, "tile_mpp")),
            TileOverlapPx = Whole(file.ReadNumber(file.Root, "tile_overlap_px")),
            SlideMicronsPerPixel = mpp,
            SlideWidth = coords is null ? null : Extent(file.ReadNumber(coords, "level0_width")),
            SlideHeight = coords is null ? null : Extent(file.ReadNumber(coords, "level0_height")),
        };
    }

    private static FeatureClaims ReadClamOrTrident(Hdf5File file, Hdf5Id features, Hdf5Id? coords)
    {
        string? encoder = NotEmpty(file.ReadText(features, "encoder"));
        double? magnification = coords is null ? null : Positive(file.ReadNumber(coords, "target_magnification"));
        return new FeatureClaims
        {
            Format = encoder is not null || magnification is not null ? FeatureFormat.Trident : FeatureFormat.Clam,
            Unit = coords is null ? CoordinateUnit.Unknown : CoordinateUnit.Level0Pixels,
            Encoder = encoder,
            // CLAM's patch_size counts pixels of patch_level, whose resolution CLAM does not know.
            TileSizePx = magnification is null ? null : Whole(file.ReadNumber(coords!, "patch_size")),
            TileMicronsPerPixel = 10 / magnification,
            TileOverlapPx = magnification is null ? null : Whole(file.ReadNumber(coords!, "overlap")),
            SlideWidth = coords is null ? null : Extent(file.ReadNumber(coords, "level0_width")),
            SlideHeight = coords is null ? null : Extent(file.ReadNumber(coords, "level0_height")),
        };
    }

    private static FeatureClaims ReadStamp(Hdf5File file, bool hasCoordinates)
    {
        int? size = Whole(file.ReadNumber(file.Root, "tile_size_px"));
        double? microns = Positive(file.ReadNumber(file.Root, "tile_size_um") ?? file.ReadNumber(file.Root, "tile_size"));
        string? unit = file.ReadText(file.Root, "unit");
        return new FeatureClaims
        {
            Format = FeatureFormat.Stamp,
            // Files of before version 2 state no unit, and theirs has changed; STAMP itself guesses from the distance of tiles.
            Unit = !hasCoordinates ? CoordinateUnit.Unknown
                : unit == "um" ? CoordinateUnit.Microns
                : CoordinateUnit.Unknown,
            Encoder = NotEmpty(file.ReadText(file.Root, "extractor")),
            TileSizePx = size,
            TileMicronsPerPixel = microns / size,
        };
    }

    private static double? ClamEdge(Hdf5File file, Hdf5Id coords) =>
        file.ReadNumber(coords, "patch_size") is double size && file.ReadNumbers(coords, "downsample", most: 2) is [double downsample, ..]
            ? size * downsample
            : null;

    private static string? NotEmpty(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();

    private static bool IsPlausible(double mpp) => MicronsPerPixelResolver.IsPlausible(mpp);

    private static double? Positive(double? value) => value is > 0 and < 1e9 ? value : null;

    private static int? Whole(double? value) => value is >= 0 and <= 1 << 20 && value == Math.Round(value.Value) ? (int)value : null;

    private static long? Extent(double? value) => value is > 0 and <= 1L << 40 ? (long)value : null;

    private static int Edge(double value) => value is > 0 and <= 1 << 20 ? (int)Math.Round(value) : 0;
}
