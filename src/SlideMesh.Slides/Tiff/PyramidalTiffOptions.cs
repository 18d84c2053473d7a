using SlideMesh.Slides.TurboJpeg;

namespace SlideMesh.Slides.Tiff;

/// <summary>How <see cref="PyramidalTiffWriter"/> lays a pyramid out.</summary>
public sealed record PyramidalTiffOptions
{
    /// <summary>Edge of a tile, pixels; a multiple of 16 (TIFF 6.0, section 15) and of <see cref="LevelFactor"/>.</summary>
    public int TileSizePx { get; init; } = 256;

    /// <summary>1 to 100.</summary>
    public int JpegQuality { get; init; } = 85;

    public JpegSubsampling Subsampling { get; init; } = JpegSubsampling.Both;

    /// <summary>µm per level-0 pixel; null leaves the resolution tags out.</summary>
    public double? MicronsPerPixel { get; init; }

    /// <summary>Ratio of neighbouring levels: 2 or 4.</summary>
    public int LevelFactor { get; init; } = 2;

    /// <summary>Levels are added while the larger edge of the last one is above this.</summary>
    public int SmallestLevelPx { get; init; } = 1024;

    /// <summary>Threads that render and encode; the bytes written do not depend on it. 0: all cores.</summary>
    public int Threads { get; init; }

    /// <summary>ImageDescription of level 0, ASCII; null leaves it out.</summary>
    public string? Description { get; init; }

    /// <summary>Software tag of every level, ASCII; null leaves it out. Never a date: the same pixels give the same bytes.</summary>
    public string? Software { get; init; } = "SlideMesh";

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(TileSizePx % 16, 0, nameof(TileSizePx));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(TileSizePx);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(SmallestLevelPx);
        ArgumentOutOfRangeException.ThrowIfNegative(Threads);
        if (LevelFactor is not (2 or 4))
        {
            throw new ArgumentOutOfRangeException(nameof(LevelFactor), LevelFactor, "Levels differ by a factor of 2 or 4.");
        }

        if (MicronsPerPixel is <= 0 or double.NaN)
        {
            throw new ArgumentOutOfRangeException(nameof(MicronsPerPixel), MicronsPerPixel, "Microns per pixel must be above 0, or null when unknown.");
        }
    }
}
