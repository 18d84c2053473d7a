namespace SlideMesh.Slides.Pyramid;

/// <summary>A rectangle of pixels of a level, or of a level halved a number of times; may lie partly or wholly outside of it.</summary>
public readonly record struct LevelRegion(long X, long Y, int Width, int Height)
{
    /// <summary>The part inside of a level of this size; empty (no width or no height) when there is none.</summary>
    public LevelRegion Clip(long width, long height)
    {
        long left = Math.Max(X, 0);
        long top = Math.Max(Y, 0);
        return new(left, top, (int)Math.Max(0, Math.Min(X + Width, width) - left), (int)Math.Max(0, Math.Min(Y + Height, height) - top));
    }
}

/// <summary>What a decoder's halved pixels stand for.</summary>
public enum HalvedPixels
{
    /// <summary>Means of 2 × 2, 4 × 4 or 8 × 8 pixels, nearly.</summary>
    Means,

    /// <summary>Low-pass samples of the 9/7 wavelet.</summary>
    WaveletSamples,
}

/// <summary>Regions that will be read, each about once and about in this order: what a reader needs to know to decode nothing twice.</summary>
/// <param name="Level">Index of the level.</param>
/// <param name="Halvings">How often the decoder halves the level's pixels while it decodes; regions are in halved pixels.</param>
/// <param name="Count">Number of regions.</param>
/// <param name="Region">Region by index, 0 to <paramref name="Count"/> − 1; one without width is not part of the walk. Pure.</param>
public sealed record RegionWalk(int Level, int Halvings, int Count, Func<int, LevelRegion> Region);

/// <summary>
/// Reads the regions of a <see cref="RegionWalk"/>. Every source tile is decoded once as long as what later regions need again fits
/// into the reader's memory. Thread-safe. Dispose frees what it still holds; the slide stays open.
/// </summary>
public interface IRegionPass : IDisposable
{
    /// <summary>Reads region <paramref name="index"/> as RGB over white.</summary>
    /// <param name="rgb">Destination, row-major RGB of the region's size; owned by the caller. Holds anything when the answer is false.</param>
    /// <returns>
    /// False when the region must be read by <see cref="ISlideSource.ReadRegion"/> instead: it is not part of the walk, touches a damaged
    /// tile, or is halved and reaches over the level's edge.
    /// </returns>
    bool TryRead(int index, Span<byte> rgb);
}
