namespace SlideMesh.Slides.Pyramid;

/// <summary>
/// An open slide. Implementations are safe for concurrent reads. Dispose closes the native handle.
/// </summary>
public interface ISlideSource : IDisposable
{
    string Path { get; }

    /// <summary>Format name as the reader knows it, e.g. <c>aperio</c> or <c>generic-tiff</c>.</summary>
    string Vendor { get; }

    /// <summary>Which reader serves this slide, e.g. <c>openslide 3.4.1</c>.</summary>
    string Reader { get; }

    /// <summary>Levels, finest first; at least one.</summary>
    IReadOnlyList<PyramidLevel> Levels { get; }

    /// <summary>Objective magnification from the vendor's property, null when unknown.</summary>
    double? ObjectivePower { get; }

    /// <summary>µm per level-0 pixel from the file alone (vendor property, then TIFF resolution); null when the file does not say.</summary>
    MicronsPerPixel? MicronsPerPixel { get; }

    /// <summary>
    /// Pixels that one core decodes in a second, about. It decides how much of a slide without a coarse level is looked at, so it is a
    /// constant of the kind of reader and never measured: results must not depend on the machine.
    /// </summary>
    long PixelsPerSecond { get; }

    /// <summary>Edges of the tiles in which the file keeps a level, level pixels; 256 × 256 where it is not known.</summary>
    (int Width, int Height) TilePx(int level);

    /// <summary>
    /// Reads <paramref name="width"/> × <paramref name="height"/> pixels of level <paramref name="level"/> whose top-left corner lies at
    /// <paramref name="origin"/> (level-0 pixels) as RGB over white. Parts outside of the slide are white.
    /// </summary>
    /// <param name="rgb">Destination, row-major RGB, at least width × height × 3 bytes; owned by the caller.</param>
    /// <exception cref="SlideFormatException">The region cannot be decoded. The source stays usable: a sticky native error is cleared by reopening.</exception>
    void ReadRegion(Level0Point origin, int level, int width, int height, Span<byte> rgb);

    /// <summary>Reads whole pixels of a level, which an origin in level-0 pixels cannot always name, as RGB over white.</summary>
    /// <param name="rgb">As for <see cref="ReadRegion"/>. Holds anything when the answer is false.</param>
    /// <returns>False when only <see cref="ReadRegion"/> can tell: the reader cannot, or meets a damaged tile.</returns>
    bool TryReadPixels(int level, LevelRegion region, Span<byte> rgb) => false;

    /// <summary>Why no faster reader serves the slide, e.g. <c>format hamamatsu</c>; null when one does.</summary>
    string? ReaderReason => null;

    /// <summary>How often the decoder can halve pixels of a level while it decodes them; 0 when it cannot.</summary>
    int MaxHalvings(int level) => 0;

    /// <summary>What halved pixels of a level are.</summary>
    HalvedPixels HalvedPixels(int level) => Pyramid.HalvedPixels.Means;

    /// <summary>Frees pixels kept for reads like those before, when what comes next is of another kind. Reads under way are not disturbed.</summary>
    void ForgetReads()
    {
    }

    /// <summary>Prepares to read many regions; null when the reader gains nothing by knowing them.</summary>
    /// <param name="walk">Halvings at most <see cref="MaxHalvings"/>.</param>
    IRegionPass? BeginPass(RegionWalk walk) => null;
}
