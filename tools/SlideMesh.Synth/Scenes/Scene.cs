namespace SlideMesh.Synth.Scenes;

/// <summary>An elliptic nucleus, level-0 pixels. H and E are its amounts of stain.</summary>
internal readonly record struct Nucleus(float X, float Y, float A, float B, float Cos, float Sin, byte H, byte E);

/// <summary>
/// A round body with or without a lumen, level-0 pixels, and the nuclei that are painted right after it, so that the next body covers
/// what reaches into it.
/// </summary>
internal readonly record struct Gland
{
    internal float X { get; init; }

    internal float Y { get; init; }

    internal float A { get; init; }

    internal float B { get; init; }

    internal float Cos { get; init; }

    internal float Sin { get; init; }

    /// <summary>Radius of the lumen as a share of the outer radius; 0: none.</summary>
    internal float Lumen { get; init; }

    /// <summary>Strength of the outline's wobble.</summary>
    internal float Wobble { get; init; }

    internal byte CytoplasmH { get; init; }

    internal byte CytoplasmE { get; init; }

    internal byte LumenH { get; init; }

    internal byte LumenE { get; init; }

    /// <summary>Pale vacuoles in the cytoplasm, 0 to 1.</summary>
    internal float Vacuoles { get; init; }

    internal int FirstNucleus { get; init; }

    internal int NucleusCount { get; init; }

    /// <summary>Half edge of a square that holds the body and the centres of its nuclei, however the outline wobbles.</summary>
    internal float Reach => (Outline.Furthest * Math.Max(A, B)) + 4;
}

/// <summary>All objects of one slide in painting order, and the colours of what lies between them.</summary>
internal sealed class Scene
{
    internal required TissueMap Map { get; init; }

    internal required SlideParameters Parameters { get; init; }

    internal required Architecture Architecture { get; init; }

    internal required Gland[] Glands { get; init; }

    /// <summary>Nuclei of <see cref="Glands"/>.</summary>
    internal required Nucleus[] GlandNuclei { get; init; }

    /// <summary>Nuclei beneath the glands: stroma, lymphocytes, lymphoid tissue.</summary>
    internal required Nucleus[] StromaNuclei { get; init; }

    /// <summary>Nuclei above the glands: lymphocytes within the epithelium.</summary>
    internal required Nucleus[] TopNuclei { get; init; }

    internal required Nuisances Nuisances { get; init; }

    /// <summary>Largest half axis of any nucleus, level-0 pixels.</summary>
    internal required float LargestNucleus { get; init; }

    /// <summary>Level-0 pixels per unit of 0.5 µm.</summary>
    internal float Scale => (float)(0.5 / Parameters.MicronsPerPixel);
}
