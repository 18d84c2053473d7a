using SlideMesh.Slides.LocalCopies;
using SlideMesh.Tissue;
using SlideMesh.Tissue.Quality;

namespace SlideMesh.Mesh.Runs;

/// <summary>Files of other tools that a run writes on request, beside its own.</summary>
[Flags]
public enum ExtraFormats
{
    None = 0,

    /// <summary>STAMP's fp16 feature files.</summary>
    Stamp = 1,

    /// <summary>WSInfer's CSV of tile classifier probabilities.</summary>
    WsInfer = 2,

    /// <summary>CLAM's <c>.pt</c> feature tensors.</summary>
    ClamPt = 4,
}

/// <summary>What a run is asked to do, apart from the slides and the models.</summary>
public sealed record RunOptions
{
    public required string OutputRoot { get; init; }

    /// <summary>The command, one of <see cref="RunVerb"/>.</summary>
    public string Verb { get; init; } = RunVerb.Run;

    /// <summary>µm per level-0 pixel for slides that neither manifest nor file tells; null fails such slides.</summary>
    public double? DefaultMicronsPerPixel { get; init; }

    /// <summary>How tissue is found; its thresholds of quality are those of <see cref="Quality"/>.</summary>
    public TissueOptions Tissue { get; init; } = new();

    /// <summary>Least tissue share of a tile.</summary>
    public double MinTissueShare { get; init; } = 0.3;

    public QualityThresholds Quality { get; init; } = new();

    /// <summary>Tiles coarser than their level are shrunk by the decoder as far as it can; false: all pixels are decoded and averaged.</summary>
    public bool DecoderScaling { get; init; } = true;

    /// <summary>Tiles in a shard: what a killed run loses at most per worker.</summary>
    public int ShardTiles { get; init; } = 256;

    /// <summary>Threads that decode tiles; null: one per core.</summary>
    public int? Decoders { get; init; }

    /// <summary>Threads that the CPU device computes with; null: one per core.</summary>
    public int? DeviceThreads { get; init; }

    /// <summary>Tiles in a device batch; null: found by trying.</summary>
    public int? BatchSize { get; init; }

    /// <summary>Most bytes that batch buffers and a batch's run may take.</summary>
    public long BatchMemoryBytes { get; init; } = 512L << 20;

    /// <summary>Folder on a local disk that slides are copied to before their turn; null: they are read where they lie. Changes no result.</summary>
    public string? CopyFolder { get; init; }

    /// <summary>Most bytes that the copies in <see cref="CopyFolder"/> take, those of other runs included.</summary>
    public long CopyFolderBytes { get; init; } = 200_000_000_000;

    /// <summary>The copies in <see cref="CopyFolder"/>; null without one.</summary>
    /// <exception cref="IOException">The folder cannot be made or written.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    public LocalCopyCache? OpenCopies() => CopyFolder is { } folder ? new LocalCopyCache(folder, CopyFolderBytes) : null;

    public ExtraFormats Write { get; init; }

    public string ColourMap { get; init; } = "viridis";

    /// <summary>Tiles shown as highest and as lowest per task.</summary>
    public int TopTiles { get; init; } = 8;

    /// <summary>Slides that may be planned, embedded or aggregated at once.</summary>
    public int SlidesInFlight { get; init; } = 4;
}
