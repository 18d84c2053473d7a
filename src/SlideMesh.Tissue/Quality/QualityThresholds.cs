namespace SlideMesh.Tissue.Quality;

/// <summary>Thresholds of the quality findings; written to qc.json beside what they found.</summary>
public sealed record QualityThresholds
{
    /// <summary>A tile with at least this share of background pixels is left out (reason tile-background).</summary>
    public double BackgroundShare { get; init; } = 0.95;

    /// <summary>A tile with at least this share of pen pixels is left out (reason tile-pen).</summary>
    public double PenShare { get; init; } = 0.5;

    /// <summary>A tile whose variance of the Laplacian of grey levels lies below this is flagged as blurred.</summary>
    public double BlurVariance { get; init; } = 15;

    /// <summary>Leave blurred tiles out (reason tile-blur) instead of only flagging them.</summary>
    public bool ExcludeBlurred { get; init; }
}

public enum PenColour
{
    Blue,
    Green,
    Red,
    Black,
}

/// <summary>
/// Slide-level findings on the thumbnail. Shares are of all thumbnail pixels, 0 to 1, but for <paramref name="BlurredTissueShare"/>:
/// the share of sample fields of tissue (192 × 192 pixels near 1 µm) that are blurred.
/// </summary>
/// <param name="BackgroundShare">Neither tissue nor pen.</param>
/// <param name="PenShares">By colour; all four are always there.</param>
/// <param name="SaturationThreshold">Tissue is what is more saturated than this, 0 to 255.</param>
public sealed record SlideQuality(
    double BackgroundShare,
    double TissueShare,
    IReadOnlyDictionary<PenColour, double> PenShares,
    double BlurredTissueShare,
    double SaturationThreshold,
    QualityThresholds Thresholds)
{
    /// <summary>Share of the thumbnail that could not be read and is shown white.</summary>
    public double UnreadableShare { get; init; }

    /// <summary>Share of the slide that tissue was looked for in; below 1 on a large slide without a coarse level.</summary>
    public double ReadShare { get; init; } = 1;
}

/// <summary>Findings on one tile. <see cref="BlurVariance"/> is the variance of the 4-neighbour Laplacian of grey levels (0 to 255).</summary>
public readonly record struct TileQuality(float BackgroundShare, float PenShare, float BlurVariance);
