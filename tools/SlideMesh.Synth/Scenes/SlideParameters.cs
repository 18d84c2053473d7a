namespace SlideMesh.Synth.Scenes;

/// <summary>Organ of origin, in the order of TOAD's labels used here; each has an architecture of its own.</summary>
public enum Origin
{
    Lung,
    Breast,
    Colorectal,
    Prostate,
    Renal,
    Thyroid,
}

public enum SpecimenSite
{
    Primary,

    /// <summary>Part of the specimen is lymphoid tissue.</summary>
    Metastatic,
}

public enum PatientSex
{
    F,
    M,
}

/// <summary>What lies on the glass.</summary>
public enum TissueKind
{
    Tumour,

    /// <summary>Nothing: glass only.</summary>
    None,
}

/// <summary>Everything that a made-up slide follows from. The same parameters give the same bytes.</summary>
public sealed record SlideParameters
{
    public required ulong Seed { get; init; }

    /// <summary>Edge, level-0 pixels.</summary>
    public int WidthPx { get; init; } = 4096;

    public int HeightPx { get; init; } = 4096;

    /// <summary>µm per level-0 pixel; structures keep their size in µm.</summary>
    public double MicronsPerPixel { get; init; } = 0.5;

    /// <summary>False leaves the resolution out of the file.</summary>
    public bool WriteMicronsPerPixel { get; init; } = true;

    public TissueKind Tissue { get; init; } = TissueKind.Tumour;

    public Origin Origin { get; init; } = Origin.Lung;

    /// <summary>0 (all glands ordered) to 5 (nearly none).</summary>
    public int Grade { get; init; }

    /// <summary>Mutations per megabase; 10 and above counts as high.</summary>
    public double Tmb { get; init; } = 5;

    public SpecimenSite Site { get; init; } = SpecimenSite.Primary;

    /// <summary>Pen, blur and folds; null draws them by chance from the seed.</summary>
    public NuisanceChoice? Nuisances { get; init; }

    public int JpegQuality { get; init; } = 85;

    /// <summary>0: all cores. Never changes the bytes.</summary>
    public int Threads { get; init; }

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(WidthPx, 64);
        ArgumentOutOfRangeException.ThrowIfLessThan(HeightPx, 64);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MicronsPerPixel);
        ArgumentOutOfRangeException.ThrowIfNegative(Grade);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Grade, 5);
        ArgumentOutOfRangeException.ThrowIfNegative(Tmb);
    }
}

/// <summary>How many of each nuisance a slide carries.</summary>
public sealed record NuisanceChoice(int PenMarks, int BlurredRegions, int Folds)
{
    public static NuisanceChoice None { get; } = new(0, 0, 0);
}
