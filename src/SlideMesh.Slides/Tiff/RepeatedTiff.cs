using SlideMesh.Slides.Raster;
using SlideMesh.Slides.TurboJpeg;

namespace SlideMesh.Slides.Tiff;

/// <summary>
/// Writes a slide of any size in seconds by repeating a small picture: every distinct tile is encoded and stored once, and the tile
/// tables of all levels point at it again and again. For memory and throughput measurements: readers decode as much as from a real
/// slide of that size, while the file stays a few megabytes plus 12 bytes a tile.
/// </summary>
public static class RepeatedTiff
{
    /// <param name="block">Picture to repeat, square; its edge is the tile edge times a power of the level factor.</param>
    /// <param name="width">Width of the slide, pixels; any.</param>
    /// <param name="height">Height of the slide, pixels; any.</param>
    /// <exception cref="ArgumentException">The block's size does not fit the tile size.</exception>
    public static void Write(Stream stream, RgbImage block, long width, long height, PyramidalTiffOptions options)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(block);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        ThrowIfNotRepeatable(block, options);

        BigTiffFile file = new(stream);
        IReadOnlyList<LevelLayout> levels = LevelLayout.Plan(width, height, options);
        List<long[]> offsets = [];
        List<int[]> sizes = [];
        RgbImage picture = block;
        foreach (LevelLayout level in levels)
        {
            (long[] offset, int[] size) = WriteLevel(file, picture, level, options);
            offsets.Add(offset);
            sizes.Add(size);
            if (level.Index + 1 < levels.Count)
            {
                picture = Reduce(picture, options.LevelFactor);
            }
        }

        file.WriteDirectories(levels, offsets, sizes, options);
    }

    /// <inheritdoc cref="Write(Stream, RgbImage, long, long, PyramidalTiffOptions)"/>
    public static void Write(string path, RgbImage block, long width, long height, PyramidalTiffOptions options)
    {
        using FileStream stream = PyramidalTiffWriter.Create(path);
        Write(stream, block, width, height, options);
    }

    private static void ThrowIfNotRepeatable(RgbImage block, PyramidalTiffOptions options)
    {
        int edge = options.TileSizePx;
        while (edge < block.Width)
        {
            edge *= options.LevelFactor;
        }

        if (block.Width != block.Height || edge != block.Width)
        {
            throw new ArgumentException(
                $"The block is {block.Width} x {block.Height} pixels; it must be square, and its edge {options.TileSizePx} times a power of {options.LevelFactor}.", nameof(block));
        }
    }

    private static (long[] Offsets, int[] Sizes) WriteLevel(BigTiffFile file, RgbImage picture, LevelLayout level, PyramidalTiffOptions options)
    {
        int edge = options.TileSizePx;
        int distinct = Math.Max(1, picture.Width / edge);
        long[] at = new long[distinct * distinct];
        int[] length = new int[distinct * distinct];
        using JpegEncoder encoder = new(options.JpegQuality, options.Subsampling);
        byte[] tile = new byte[edge * edge * 3];
        for (int i = 0; i < at.Length; i++)
        {
            CopyRepeating(picture, i % distinct * edge, i / distinct * edge, tile, edge);
            byte[] jpeg = encoder.Encode(tile, edge, edge);
            at[i] = file.AppendTile(jpeg);
            length[i] = jpeg.Length;
        }

        long[] offsets = new long[checked(level.Columns * level.Rows)];
        int[] sizes = new int[offsets.Length];
        for (long i = 0; i < offsets.Length; i++)
        {
            long source = (i / level.Columns % distinct * distinct) + (i % level.Columns % distinct);
            offsets[i] = at[source];
            sizes[i] = length[source];
        }

        return (offsets, sizes);
    }

    private static void CopyRepeating(RgbImage picture, int x, int y, byte[] tile, int edge)
    {
        for (int row = 0; row < edge; row++)
        {
            int source = (y + row) % picture.Height * picture.Width;
            for (int column = 0; column < edge; column++)
            {
                picture.Pixels.AsSpan((source + ((x + column) % picture.Width)) * 3, 3).CopyTo(tile.AsSpan(((row * edge) + column) * 3));
            }
        }
    }

    private static RgbImage Reduce(RgbImage picture, int factor)
    {
        int edge = Math.Max(1, picture.Width / factor);
        RgbImage reduced = new(edge, edge);
        if (picture.Width >= factor)
        {
            BoxAverage.Into(picture.Pixels, picture.Width, factor, reduced.Pixels, edge, 0, 0, edge, edge);
        }
        else
        {
            picture.Pixels.AsSpan(0, 3).CopyTo(reduced.Pixels);
        }

        return reduced;
    }
}
