namespace SlideMesh.Tissue;

/// <summary>
/// Named <see cref="TissueOptions"/>. <c>auto</c> is ours; the others carry the numbers of CLAM's (mahmoodlab/CLAM,
/// presets/*.csv and the defaults of create_patches_fp.py).
/// </summary>
/// <remarks>
/// CLAM states areas a_t and a_h in units of 512 × 512 level-0 pixels. A level-0 pixel has no fixed size, mm² do: one unit is
/// taken at 0.5 µm per pixel, (512 × 0.5 µm)² = 0.065536 mm². A slide scanned at 0.25 µm would have used a quarter of it.
/// CLAM's windows count pixels of its segmentation level (downsample near 64: 16 or 32 µm); ours count 8 µm pixels, so
/// outlines are finer. CLAM knows no pen marks; here they are removed in every preset.
/// </remarks>
public static class TissuePresets
{
    /// <summary>mm² of CLAM's unit of area at 0.5 µm per pixel.</summary>
    public const double ClamUnitMm2 = 512 * 0.5 * 512 * 0.5 / 1e6;

    public static IReadOnlyList<string> Names { get; } = ["auto", "default", "tcga", "biopsy", "resection"];

    /// <exception cref="ArgumentException">No such preset; the message lists those there are.</exception>
    public static TissueOptions Get(string name) => name switch
    {
        "auto" => new TissueOptions(),
        "default" => Clam(name, sthresh: 8, mthresh: 7, close: 4, a_t: 100, a_h: 16, maxHoles: 8),
        "tcga" => Clam(name, sthresh: 8, mthresh: 7, close: 4, a_t: 16, a_h: 4, maxHoles: 8),
        "biopsy" => Clam(name, sthresh: 15, mthresh: 11, close: 2, a_t: 1, a_h: 1, maxHoles: 2),
        "resection" => Clam(name, sthresh: 15, mthresh: 11, close: 4, a_t: 100, a_h: 16, maxHoles: 8),
        _ => throw new ArgumentException($"There is no tissue preset '{name}'; choose one of {string.Join(", ", Names)}.", nameof(name)),
    };

    private static TissueOptions Clam(string name, int sthresh, int mthresh, int close, double a_t, double a_h, int maxHoles) => new()
    {
        Preset = name,
        UseOtsu = false,
        SaturationThreshold = sthresh,
        MedianWindow = mthresh,
        CloseWindow = close,
        MinAreaMm2 = a_t * ClamUnitMm2,
        MinHoleAreaMm2 = a_h * ClamUnitMm2,
        MaxHoles = maxHoles,
    };
}
