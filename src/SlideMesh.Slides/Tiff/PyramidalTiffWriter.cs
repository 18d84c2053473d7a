using SlideMesh.Slides.Raster;
using SlideMesh.Slides.TurboJpeg;

namespace SlideMesh.Slides.Tiff;

/// <summary>
/// Supplies pixels of level 0. Called from several threads at once, once a tile.
/// </summary>
/// <param name="x">Left edge, level-0 pixels.</param>
/// <param name="y">Top edge, level-0 pixels.</param>
/// <param name="rgb">Destination, row-major RGB, exactly width × height × 3 bytes; its former content is arbitrary.</param>
public delegate void RenderTile(long x, long y, int width, int height, Span<byte> rgb);

/// <summary>
/// Writes tiled, JPEG-compressed pyramids as BigTIFF: one directory a level, finest first, each tile a complete JPEG. OpenSlide reads
/// them as <c>generic-tiff</c>. The same pixels and options give the same bytes, whatever the number of threads.
/// </summary>
public static class PyramidalTiffWriter
{
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, RgbImage image, PyramidalTiffOptions options)
    {
        using FileStream stream = Create(path);
        Write(stream, image, options);
    }

    public static void Write(Stream stream, RgbImage image, PyramidalTiffOptions options)
    {
        ArgumentNullException.ThrowIfNull(image);
        Write(stream, image.Width, image.Height, Copy, options);

        void Copy(long x, long y, int width, int height, Span<byte> rgb)
        {
            for (int row = 0; row < height; row++)
            {
                int start = checked((int)((((y + row) * image.Width) + x) * 3));
                image.Pixels.AsSpan(start, width * 3).CopyTo(rgb.Slice(row * width * 3, width * 3));
            }
        }
    }

    /// <summary>As the overload on a stream; creates or replaces <paramref name="path"/>.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string path, long width, long height, RenderTile level0, PyramidalTiffOptions options)
    {
        using FileStream stream = Create(path);
        Write(stream, width, height, level0, options);
    }

    /// <summary>
    /// Renders level 0 tile by tile, computes the other levels from it by box average on the way, and holds one row of tiles of each
    /// level but the first in memory (together slide width × tile edge × 3 bytes: 77 MB for a slide of 100,000 pixels).
    /// </summary>
    /// <param name="stream">Writable and seekable; the file starts at its position. Stays open.</param>
    public static void Write(Stream stream, long width, long height, RenderTile level0, PyramidalTiffOptions options)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(level0);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        new PyramidStreamer(new BigTiffFile(stream), LevelLayout.Plan(width, height, options), level0, options).Run();
    }

    internal static FileStream Create(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20);
    }
}
