using System.Text.Json;
using System.Text.Json.Serialization;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Runs;
using SlideMesh.Slides;
using SlideMesh.Tissue;
using SlideMesh.Tissue.Quality;

namespace SlideMesh.Mesh.Cluster;

/// <summary>Which runs come first. The numbers are the classes in Redis.</summary>
public enum RunPriority
{
    Urgent = 0,
    Normal = 1,
    Research = 2,
}

/// <summary>A submitted run as it lies in the store: all that nodes need, and all that <c>recover</c> needs to rebuild it.</summary>
public sealed record RunSpecification
{
    public string Format { get; init; } = "slidemesh-submission/1";

    public required string Id { get; init; }

    public required string SoftwareVersion { get; init; }

    /// <summary>Inference engine and version; a node with another one would give other last bits and refuses the run.</summary>
    public required string Engine { get; init; }

    public required DateTimeOffset Created { get; init; }

    public required RunPriority Priority { get; init; }

    /// <summary>Inference pool that performs the shards.</summary>
    public required string Pool { get; init; }

    /// <summary>Output folder, relative to the store, with forward slashes.</summary>
    public required string Out { get; init; }

    public required IReadOnlyList<ModelReference> Models { get; init; }

    /// <summary>Name of the omics table in the submission's folder; null without one.</summary>
    public string? Omics { get; init; }

    public required RunParameters Parameters { get; init; }

    public required IReadOnlyList<SubmittedSlide> Slides { get; init; }

    /// <summary>Trace context of the submission.</summary>
    public string Trace { get; init; } = "";

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, SubmissionJson.Default.RunSpecification);

    /// <exception cref="JsonException">Not a submission of this version.</exception>
    public static RunSpecification Read(string path)
    {
        RunSpecification run = JsonSerializer.Deserialize(File.ReadAllBytes(path), SubmissionJson.Default.RunSpecification)
            ?? throw new JsonException("the file holds null");
        return run.Format == "slidemesh-submission/1" ? run : throw new JsonException($"format '{run.Format}' is not slidemesh-submission/1");
    }
}

public sealed record ModelReference(string Name, string Sha256);

/// <summary>The parameters of a run that decide on its bytes, and the size of its shards.</summary>
public sealed record RunParameters
{
    public double? DefaultMicronsPerPixel { get; init; }

    public TissueOptions Tissue { get; init; } = new();

    public double MinTissueShare { get; init; }

    public bool DecoderScaling { get; init; } = true;

    public QualityThresholds Quality { get; init; } = new();

    public int ShardTiles { get; init; }

    public ExtraFormats Write { get; init; }

    public string ColourMap { get; init; } = "";

    public int TopTiles { get; init; }

    /// <summary>Slides of the run that may be worked on at once, over all nodes.</summary>
    public int SlidesInFlight { get; init; }

    public static RunParameters From(RunOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new RunParameters
        {
            DefaultMicronsPerPixel = options.DefaultMicronsPerPixel,
            Tissue = options.Tissue,
            MinTissueShare = options.MinTissueShare,
            DecoderScaling = options.DecoderScaling,
            Quality = options.Quality,
            ShardTiles = options.ShardTiles,
            Write = options.Write,
            ColourMap = options.ColourMap,
            TopTiles = options.TopTiles,
            SlidesInFlight = options.SlidesInFlight,
        };
    }

    /// <param name="node">The node's own settings: decoders, threads, batches.</param>
    public RunOptions ToOptions(string outputRoot, RunOptions node) => node with
    {
        OutputRoot = outputRoot,
        DefaultMicronsPerPixel = DefaultMicronsPerPixel,
        Tissue = Tissue,
        MinTissueShare = MinTissueShare,
        DecoderScaling = DecoderScaling,
        Quality = Quality,
        ShardTiles = ShardTiles,
        Write = Write,
        ColourMap = ColourMap,
        TopTiles = TopTiles,
    };
}

/// <summary>One slide of a submission.</summary>
/// <param name="File">Absolute, or relative to the store when it lies in it.</param>
public sealed record SubmittedSlide(
    string Id, string Path, string File, string CaseId, string OmicsId, double? MicronsPerPixel, IReadOnlyDictionary<string, string> Covariates)
{
    public static SubmittedSlide From(CohortEntry slide, string store)
    {
        ArgumentNullException.ThrowIfNull(slide);
        string relative = System.IO.Path.GetRelativePath(store, slide.FullPath);
        bool inside = !System.IO.Path.IsPathRooted(relative) && relative.Split('/')[0] != "..";
        return new SubmittedSlide(
            slide.Id.Value, slide.Path, inside ? relative : slide.FullPath, slide.CaseId, slide.OmicsId, slide.MicronsPerPixel, slide.Covariates);
    }

    public CohortEntry ToEntry(string store) => new()
    {
        Id = new SlideId(Id),
        Path = Path,
        FullPath = System.IO.Path.GetFullPath(File, store),
        CaseId = CaseId,
        OmicsId = OmicsId,
        MicronsPerPixel = MicronsPerPixel,
        Covariates = new SortedDictionary<string, string>(Covariates.ToDictionary(), StringComparer.Ordinal),
    };
}

[JsonSourceGenerationOptions(
    WriteIndented = true, NewLine = "\n", PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(RunSpecification))]
[JsonSerializable(typeof(RunEnd))]
internal sealed partial class SubmissionJson : JsonSerializerContext;

/// <summary>How a run ended: what <c>recover</c> leaves alone.</summary>
/// <param name="State">done or cancelled.</param>
public sealed record RunEnd(string State, int Done, int Failed, int Quarantined);
