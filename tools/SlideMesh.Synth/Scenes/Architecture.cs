namespace SlideMesh.Synth.Scenes;

/// <summary>How the ordered tissue of one origin is built. Lengths in units of 0.5 µm, stain amounts in hundredths of OD.</summary>
internal sealed record Architecture
{
    /// <summary>Distance of neighbouring glands (hexagonal grid).</summary>
    internal required float Spacing { get; init; }

    /// <summary>Displacement of a gland from the grid, share of <see cref="Spacing"/>.</summary>
    internal float Jitter { get; init; } = 0.12f;

    internal required float RadiusLow { get; init; }

    internal required float RadiusHigh { get; init; }

    /// <summary>Largest ratio of the axes.</summary>
    internal float Elongation { get; init; } = 1.15f;

    /// <summary>Epithelium between outline and lumen; 0: solid.</summary>
    internal required float Epithelium { get; init; }

    internal float Wobble { get; init; } = 0.12f;

    internal byte CytoplasmH { get; init; } = 16;

    internal byte CytoplasmE { get; init; } = 32;

    internal byte LumenE { get; init; } = 2;

    internal float Vacuoles { get; init; }

    internal float NucleusA { get; init; } = 5.5f;

    internal float NucleusB { get; init; } = 5;

    /// <summary>Distance of neighbouring nuclei along the outline, or in the plane where glands are solid.</summary>
    internal float NucleusSpacing { get; init; } = 13;

    /// <summary>Distance of the row of nuclei from the outline.</summary>
    internal float NucleusDepth { get; init; } = 6;

    /// <summary>Clear cells with borders fill the gland.</summary>
    internal bool ClearCells { get; init; }

    internal byte StromaE { get; init; } = 38;

    /// <summary>Contrast of the fibres, 0 to 1.</summary>
    internal float Fibres { get; init; } = 0.36f;

    internal static Architecture Of(Origin origin) => origin switch
    {
        Origin.Lung => new()
        {
            Spacing = 152, RadiusLow = 76, RadiusHigh = 88, Jitter = 0.08f, Elongation = 1.2f, Epithelium = 11, Wobble = 0.3f,
            CytoplasmH = 12, CytoplasmE = 30, LumenE = 0, NucleusA = 6, NucleusB = 5, NucleusSpacing = 16, NucleusDepth = 5, StromaE = 34,
        },
        Origin.Breast => new()
        {
            Spacing = 92, RadiusLow = 22, RadiusHigh = 38, Jitter = 0.22f, Elongation = 3.2f, Epithelium = 0, Wobble = 0.22f,
            CytoplasmH = 18, CytoplasmE = 34, NucleusA = 6.6f, NucleusB = 5.6f, NucleusSpacing = 14, StromaE = 56, Fibres = 0.62f,
        },
        Origin.Colorectal => new()
        {
            Spacing = 176, RadiusLow = 70, RadiusHigh = 84, Elongation = 1.6f, Epithelium = 38, Wobble = 0.12f,
            CytoplasmH = 20, CytoplasmE = 32, LumenE = 5, Vacuoles = 0.8f, NucleusA = 10.5f, NucleusB = 4.3f, NucleusSpacing = 9.5f, NucleusDepth = 14, StromaE = 34,
        },
        Origin.Prostate => new()
        {
            Spacing = 90, RadiusLow = 32, RadiusHigh = 44, Jitter = 0.16f, Elongation = 1.3f, Epithelium = 14, Wobble = 0.14f,
            CytoplasmH = 14, CytoplasmE = 28, LumenE = 1, NucleusA = 5.6f, NucleusB = 5.2f, NucleusSpacing = 12.5f, NucleusDepth = 7, StromaE = 48, Fibres = 0.5f,
        },
        Origin.Renal => new()
        {
            Spacing = 122, RadiusLow = 58, RadiusHigh = 64, Jitter = 0.06f, Epithelium = 0, Wobble = 0.16f,
            CytoplasmH = 2, CytoplasmE = 9, NucleusA = 4.4f, NucleusB = 4.2f, NucleusSpacing = 27, ClearCells = true, StromaE = 46,
        },
        Origin.Thyroid => new()
        {
            Spacing = 118, RadiusLow = 40, RadiusHigh = 66, Jitter = 0.1f, Elongation = 1.2f, Epithelium = 9, Wobble = 0.08f,
            CytoplasmH = 14, CytoplasmE = 28, LumenE = 64, NucleusA = 4.6f, NucleusB = 4.2f, NucleusSpacing = 14, NucleusDepth = 5, StromaE = 26,
        },
        _ => throw new ArgumentOutOfRangeException(nameof(origin), origin, "Unknown origin."),
    };
}
