using SlideMesh.Slides.Pyramid;

namespace SlideMesh.Tiling;

/// <summary>Top-left corner of a planned tile in level-0 pixels.</summary>
public readonly record struct PlannedTile(long X, long Y);

/// <summary>
/// The tiles of one slide for one <see cref="TileSpec"/>, row by row, left to right. The order never depends on
/// anything but the slide, the tissue and the specification.
/// </summary>
public sealed record TilePlan
{
    public required TileSpec Spec { get; init; }

    /// <summary>Slide size, level-0 pixels.</summary>
    public required long SlideWidth { get; init; }

    public required long SlideHeight { get; init; }

    /// <summary>Level that tiles are read from: the coarsest one that is at least as fine as wanted (1 % slack), else level 0.</summary>
    public required PyramidLevel ReadLevel { get; init; }

    /// <summary>Edge read at <see cref="ReadLevel"/>, pixels of that level; resampled by area to <c>Spec.SizePx</c>.</summary>
    public required int ReadWidthPx { get; init; }

    public required int ReadHeightPx { get; init; }

    /// <summary>Edge of a tile, level-0 pixels (rounded).</summary>
    public required int SizeLevel0Width { get; init; }

    public required int SizeLevel0Height { get; init; }

    /// <summary>µm per level-0 pixel of the slide.</summary>
    public required MicronsPerPixel SlideMicronsPerPixel { get; init; }

    public required IReadOnlyList<PlannedTile> Tiles { get; init; }
}
