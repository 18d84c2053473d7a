using SlideMesh.Tissue.Quality;

namespace SlideMesh.Tissue;

/// <summary>How tissue is told from glass. Windows are thumbnail pixels, areas mm².</summary>
public sealed record TissueOptions
{
    /// <summary>Name of the preset that this started from; written beside results.</summary>
    public string Preset { get; init; } = "auto";

    /// <summary>Wanted µm per thumbnail pixel.</summary>
    public double MicronsPerPixel { get; init; } = 8;

    /// <summary>Otsu's threshold, kept within <see cref="MinSaturation"/> and <see cref="MaxSaturation"/>, instead of <see cref="SaturationThreshold"/>.</summary>
    public bool UseOtsu { get; init; } = true;

    /// <summary>Fixed threshold, 0 to 255: tissue is what is more saturated than this.</summary>
    public int SaturationThreshold { get; init; } = 8;

    /// <summary>Lower bound of Otsu's threshold: glass without tissue also has two classes, of noise.</summary>
    public int MinSaturation { get; init; } = 14;

    /// <summary>Upper bound: where tissue fills the slide, Otsu would part dark tissue from pale.</summary>
    public int MaxSaturation { get; init; } = 30;

    /// <summary>Edge of the median window, odd.</summary>
    public int MedianWindow { get; init; } = 3;

    /// <summary>Edge of the closing square; 0 or 1 closes nothing.</summary>
    public int CloseWindow { get; init; } = 4;

    /// <summary>Least area of a piece of tissue without its holes.</summary>
    public double MinAreaMm2 { get; init; } = 0.02;

    /// <summary>Smaller holes are filled.</summary>
    public double MinHoleAreaMm2 { get; init; } = 0.01;

    /// <summary>The largest holes that a piece of tissue keeps; the others are filled.</summary>
    public int MaxHoles { get; init; } = 1000;

    /// <summary>Leave pen marks out of the tissue.</summary>
    public bool RemovePen { get; init; } = true;

    public QualityThresholds Quality { get; init; } = new();
}
