namespace SlideMesh.Tiling;

/// <summary>How a slide is cut: at what resolution, how large, how far apart.</summary>
public sealed record TileSpec
{
    /// <summary>Wanted µm per pixel of the tile.</summary>
    public required double MicronsPerPixel { get; init; }

    /// <summary>Edge of the square tile, pixels at <see cref="MicronsPerPixel"/>.</summary>
    public required int SizePx { get; init; }

    /// <summary>Overlap of neighbouring tiles, pixels at <see cref="MicronsPerPixel"/>; less than <see cref="SizePx"/>.</summary>
    public int OverlapPx { get; init; }

    /// <summary>Least share of the tile that must be tissue, 0 to 1.</summary>
    public double MinTissueShare { get; init; } = 0.3;
}
