using System.Text.Json;
using System.Text.Json.Serialization;
using SlideMesh.Inference.Packages;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Tiling;
using SlideMesh.Tissue.Quality;

namespace SlideMesh.Mesh.Stages;

/// <summary>The contents of a slide's <c>plan.json</c>: what was found before any model ran. Corners of tiles are in the features files.</summary>
public sealed record PlanDocument
{
    public required string SlideId { get; init; }

    /// <summary>Sampled SHA-256 of the slide file.</summary>
    public required string Fingerprint { get; init; }

    public required string SoftwareVersion { get; init; }

    public required string Vendor { get; init; }

    /// <summary>Which reader opened the slide.</summary>
    public required string Reader { get; init; }

    public required IReadOnlyList<PyramidLevel> Levels { get; init; }

    /// <summary>µm per level-0 pixel and where it came from.</summary>
    public required MicronsPerPixel MicronsPerPixel { get; init; }

    public double? ObjectivePower { get; init; }

    public required string TissuePreset { get; init; }

    public required double TissueAreaMm2 { get; init; }

    public required int TissueContours { get; init; }

    public required SlideQuality Quality { get; init; }

    /// <summary>Level-0 pixels per pixel of thumbnail.jpg.</summary>
    public required double ThumbnailDownsampleX { get; init; }

    public required double ThumbnailDownsampleY { get; init; }

    public required IReadOnlyList<StreamPlan> Streams { get; init; }

    [JsonIgnore]
    public long Width => Levels[0].Width;

    [JsonIgnore]
    public long Height => Levels[0].Height;

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, PlanJson.Default.PlanDocument);

    /// <exception cref="JsonException">The file is not a plan of this version.</exception>
    public static PlanDocument Read(string path) =>
        JsonSerializer.Deserialize(File.ReadAllBytes(path), PlanJson.Default.PlanDocument)
        ?? throw new JsonException($"'{path}' is empty.");
}

/// <summary>How one feature stream cuts the slide.</summary>
public sealed record StreamPlan
{
    public required string Id { get; init; }

    public required TileSpec Spec { get; init; }

    public required PyramidLevel ReadLevel { get; init; }

    public required int ReadWidthPx { get; init; }

    public required int ReadHeightPx { get; init; }

    public required int SizeLevel0Width { get; init; }

    public required int SizeLevel0Height { get; init; }

    public required int Tiles { get; init; }

    /// <summary>SHA-256 over the tile corners as <see cref="TileListFile"/> writes them.</summary>
    public required string TilesSha256 { get; init; }

    public static StreamPlan From(string id, TilePlan plan, string tilesSha256)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return new StreamPlan
        {
            Id = id,
            Spec = plan.Spec,
            ReadLevel = plan.ReadLevel,
            ReadWidthPx = plan.ReadWidthPx,
            ReadHeightPx = plan.ReadHeightPx,
            SizeLevel0Width = plan.SizeLevel0Width,
            SizeLevel0Height = plan.SizeLevel0Height,
            Tiles = plan.Tiles.Count,
            TilesSha256 = tilesSha256,
        };
    }

    public TilePlan ToTilePlan(PlanDocument document, IReadOnlyList<PlannedTile> tiles)
    {
        ArgumentNullException.ThrowIfNull(document);
        return new TilePlan
        {
            Spec = Spec,
            SlideWidth = document.Width,
            SlideHeight = document.Height,
            ReadLevel = ReadLevel,
            ReadWidthPx = ReadWidthPx,
            ReadHeightPx = ReadHeightPx,
            SizeLevel0Width = SizeLevel0Width,
            SizeLevel0Height = SizeLevel0Height,
            SlideMicronsPerPixel = document.MicronsPerPixel,
            Tiles = tiles,
        };
    }
}

[JsonSourceGenerationOptions(
    WriteIndented = true,
    NewLine = "\n",
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    Converters = [typeof(KebabCaseEnumConverter<MicronsPerPixelSource>), typeof(KebabCaseEnumConverter<PenColour>)])]
[JsonSerializable(typeof(PlanDocument))]
internal sealed partial class PlanJson : JsonSerializerContext;
