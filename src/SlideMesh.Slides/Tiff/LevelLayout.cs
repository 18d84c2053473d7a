namespace SlideMesh.Slides.Tiff;

/// <summary>Sizes of one level of a pyramid that is being written.</summary>
/// <param name="Downsample">Level-0 pixels per pixel of this level.</param>
internal sealed record LevelLayout(int Index, long Width, long Height, long Downsample, int TileSizePx)
{
    internal long Columns => (Width + TileSizePx - 1) / TileSizePx;

    internal long Rows => (Height + TileSizePx - 1) / TileSizePx;

    /// <summary>Levels of a slide, finest first. Edges are rounded up, so that the last pixel row and column are never lost.</summary>
    internal static IReadOnlyList<LevelLayout> Plan(long width, long height, PyramidalTiffOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        List<LevelLayout> levels = [new(0, width, height, 1, options.TileSizePx)];
        while (Math.Max(levels[^1].Width, levels[^1].Height) > options.SmallestLevelPx)
        {
            LevelLayout last = levels[^1];
            int factor = options.LevelFactor;
            levels.Add(new(
                last.Index + 1, (last.Width + factor - 1) / factor, (last.Height + factor - 1) / factor, last.Downsample * factor, options.TileSizePx));
        }

        return levels;
    }
}
