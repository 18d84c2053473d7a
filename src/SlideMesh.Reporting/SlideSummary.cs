using System.Text.Json.Serialization;
using SlideMesh.Inference.Packages;
using SlideMesh.Prediction;
using SlideMesh.Reporting.Evidence;
using SlideMesh.Reporting.Features;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Tissue.Quality;

namespace SlideMesh.Reporting;

/// <summary>
/// Everything about one slide that tables and reports show, without pixels or features. Its JSON is <c>predictions.json</c>, which reads
/// back as an equal record, so that a re-run can list finished slides without opening them.
/// </summary>
public sealed record SlideSummary
{
    /// <summary>Always <c>slidemesh-predictions/1</c>.</summary>
    public string Format { get; init; } = "slidemesh-predictions/1";

    public required string SoftwareVersion { get; init; }

    public required string SlideId { get; init; }

    public string? CaseId { get; init; }

    /// <summary>As given by the user; never resolved, so that results do not depend on where a share is mounted.</summary>
    public required string Path { get; init; }

    public string? Fingerprint { get; init; }

    public required SlideState State { get; init; }

    /// <summary>Typed reason in kebab case when the slide failed.</summary>
    public string? Reason { get; init; }

    /// <summary>One line for a person.</summary>
    public string? Detail { get; init; }

    /// <summary>Level-0 pixels; null when the file could not be opened.</summary>
    public long? Width { get; init; }

    public long? Height { get; init; }

    public string? Vendor { get; init; }

    public double? ObjectivePower { get; init; }

    /// <summary>µm per level-0 pixel; null when nobody says.</summary>
    public MicronsPerPixel? MicronsPerPixel { get; init; }

    public double? TissueMm2 { get; init; }

    /// <summary>Pieces of tissue.</summary>
    public int? TissuePieces { get; init; }

    public SlideQuality? Quality { get; init; }

    public IReadOnlyList<StreamSummary> Streams { get; init; } = [];

    /// <summary>
    /// The files that the features came from, by stream, when they existed already; empty when the slide was embedded here. The counts of
    /// <see cref="Streams"/> are then those of the files' rows: what was left out before is not known.
    /// </summary>
    public IReadOnlyList<FeatureFileUse> FeatureFiles { get; init; } = [];

    public IReadOnlyList<TaskPrediction> Tasks { get; init; } = [];

    public OmicsUse? Omics { get; init; }

    /// <summary>What a reader must know to judge the answers, one line each.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    public IReadOnlyList<MapEvidence> Evidence { get; init; } = [];

    /// <summary>The packages that took part, encoders first.</summary>
    public IReadOnlyList<ModelCard> Models { get; init; } = [];
}

[JsonConverter(typeof(KebabCaseEnumConverter<SlideState>))]
public enum SlideState
{
    Pending,
    Running,
    Done,
    Failed,

    /// <summary>Workers died while they held it; it is not tried again.</summary>
    Quarantined,
}

/// <summary>One pass over the slide and what became of its tiles.</summary>
/// <param name="Id">Id of the feature stream.</param>
/// <param name="Package">Name of the model that took the pixels.</param>
/// <param name="Planned">Tiles of the plan: used + unreadable + left out.</param>
/// <param name="Used">Rows of the features file.</param>
/// <param name="Unreadable">Tiles that could not be decoded.</param>
/// <param name="LeftOut">Tiles left out by quality, by reason (<c>tile-background</c>, <c>tile-pen</c>, <c>tile-blur</c>).</param>
/// <param name="Blurred">Used tiles that are flagged as blurred.</param>
public sealed record StreamSummary(
    string Id, string Package, TileView View, int Planned, int Used, int Unreadable, IReadOnlyDictionary<string, int> LeftOut, int Blurred);

/// <summary>A features file that a slide's answers rest on.</summary>
/// <param name="Stream">Id of the stream that it was taken for.</param>
/// <param name="Path">As given.</param>
/// <param name="Fingerprint">Sampled SHA-256 of the file.</param>
/// <param name="Encoder">As the file names it; null when it does not.</param>
/// <param name="Coordinates">What its coordinates count.</param>
public sealed record FeatureFileUse(string Stream, string Path, string Fingerprint, FeatureFormat Format, string? Encoder, CoordinateUnit Coordinates);

/// <summary>A model package as results name it.</summary>
/// <param name="Sha256">SHA-256 (lower-case hex) that identifies the package.</param>
public sealed record ModelCard(
    string Name,
    string Version,
    ModelKind Kind,
    string Sha256,
    string Description,
    string TrainedOn,
    string IntendedUse,
    string Licence,
    bool Synthetic)
{
    public static ModelCard From(ModelManifest manifest, string sha256)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        return new ModelCard(
            manifest.Name, manifest.Version, manifest.Kind, sha256, manifest.Description, manifest.TrainedOn, manifest.IntendedUse,
            manifest.Licence, manifest.Synthetic);
    }
}
