using System.Text.Json.Serialization;
using SlideMesh.Inference.Packages;
using SlideMesh.Slides.Pyramid;

namespace SlideMesh.Reporting.Features;

/// <summary>Whose layout a features file has.</summary>
[JsonConverter(typeof(KebabCaseEnumConverter<FeatureFormat>))]
public enum FeatureFormat
{
    /// <summary>Ours: says everything about itself.</summary>
    Slidemesh,

    /// <summary><c>features</c> and <c>coords</c>, which say their tile and encoder.</summary>
    Trident,

    /// <summary><c>features</c> and <c>coords</c> without a word on the encoder.</summary>
    Clam,

    /// <summary><c>feats</c>.</summary>
    Stamp,
}

/// <summary>What the coordinates of a features file count.</summary>
[JsonConverter(typeof(KebabCaseEnumConverter<CoordinateUnit>))]
public enum CoordinateUnit
{
    /// <summary>Level-0 pixels.</summary>
    Level0Pixels,

    /// <summary>µm from the slide's corner.</summary>
    Microns,

    /// <summary>There are none, or their unit is not stated.</summary>
    Unknown,
}

/// <summary>What a features file says about itself; null where it says nothing. Nothing here is proven.</summary>
public sealed record FeatureClaims
{
    public required FeatureFormat Format { get; init; }

    public required CoordinateUnit Unit { get; init; }

    public string? SlideFingerprint { get; init; }

    /// <summary>Id of the feature stream (ours).</summary>
    public string? Stream { get; init; }

    /// <summary>Ours: name of the package. TRIDENT: <c>encoder</c>. STAMP: <c>extractor</c>.</summary>
    public string? Encoder { get; init; }

    /// <summary>SHA-256 of the graph that made the features (ours).</summary>
    public string? EncoderSha256 { get; init; }

    public string? SoftwareVersion { get; init; }

    /// <summary>Edge of a tile as the encoder was meant to see it, pixels.</summary>
    public int? TileSizePx { get; init; }

    /// <summary>µm per pixel of the tile; TRIDENT's is nominal: 10 / magnification.</summary>
    public double? TileMicronsPerPixel { get; init; }

    public int? TileOverlapPx { get; init; }

    /// <summary>µm per level-0 pixel of the slide (ours).</summary>
    public MicronsPerPixel? SlideMicronsPerPixel { get; init; }

    /// <summary>Slide size, level-0 pixels.</summary>
    public long? SlideWidth { get; init; }

    public long? SlideHeight { get; init; }

    /// <summary>Edge of a tile on the slide, µm; null when its size and resolution are not both known.</summary>
    public double? TileMicrons => TileSizePx * TileMicronsPerPixel;
}
