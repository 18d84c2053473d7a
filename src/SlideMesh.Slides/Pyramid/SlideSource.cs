using SlideMesh.Slides.Native;
using SlideMesh.Slides.OpenSlide;
using SlideMesh.Slides.TiledTiff;

namespace SlideMesh.Slides.Pyramid;

/// <summary>Opens a slide with the fastest reader that gives OpenSlide's pixels for it.</summary>
public static class SlideSource
{
    /// <exception cref="SlideFormatException">Missing, truncated, not a slide, or damaged; see its <c>Reason</c>.</exception>
    /// <exception cref="NativeLibraryUnavailableException">OpenSlide is not installed or too old.</exception>
    public static ISlideSource Open(string path) => Open(path, out _);

    /// <param name="path">The slide's file.</param>
    /// <param name="whyOpenSlide">Why OpenSlide serves the slide's pixels, e.g. <c>Compression is 33005</c>; null when it need not.</param>
    /// <param name="cacheBytes">Bound on the decoded tiles that the slide keeps.</param>
    /// <param name="readFrom">A copy of the file to read instead; messages go on naming <paramref name="path"/>.</param>
    /// <exception cref="SlideFormatException">Missing, truncated, not a slide, or damaged; see its <c>Reason</c>.</exception>
    /// <exception cref="NativeLibraryUnavailableException">OpenSlide is not installed or too old.</exception>
    public static ISlideSource Open(string path, out string? whyOpenSlide, long cacheBytes = TiledTiffSource.DefaultCacheBytes, string? readFrom = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(cacheBytes);
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (TiledTiffLayout.FindHugeTile(readFrom ?? path) is { } problem)
        {
            throw new SlideFormatException(path, SlideFailureReason.Unreadable, $"'{path}' cannot be opened: {problem}; copy or export it again.");
        }

        OpenSlideSource openSlide = OpenSlideSource.Open(path, readFrom);
        try
        {
            if (TiledTiffSource.TryCreate(openSlide, cacheBytes, out whyOpenSlide) is { } tiled)
            {
                return tiled;
            }

            openSlide.ReaderReason = whyOpenSlide;
            return openSlide;
        }
        catch
        {
            openSlide.Dispose();
            throw;
        }
    }
}
