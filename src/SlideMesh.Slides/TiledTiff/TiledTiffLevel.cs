using System.Numerics;
using SlideMesh.Slides.OpenJpeg;
using SlideMesh.Slides.Pyramid;

namespace SlideMesh.Slides.TiledTiff;

/// <summary>One level: where its tiles lie, and what their JPEG streams lack.</summary>
internal sealed class TiledTiffLevel
{
    /// <summary>A block of 8 × 8 coefficients becomes 4 × 4, 2 × 2 or 1 pixel.</summary>
    private const int MaxJpegHalvings = 3;

    private const int MaxTileEdge = 8192;
    private const long MaxTileBytes = 64 << 20;

    private readonly PyramidLevel _level;
    private readonly long[] _offsets;
    private readonly int[] _sizes;

    /// <param name="level">The level as OpenSlide describes it; the directory must agree.</param>
    /// <param name="isPadded">The directory counts whole tiles, as Philips has it: it may be larger than the level.</param>
    /// <param name="sparseIsBackground">A tile without bytes is background. Not in Aperio's pyramids: OpenSlide shows pieces of other levels on lower ones.</param>
    /// <exception cref="UnservedTiffException">Some property of it is not served.</exception>
    public TiledTiffLevel(PyramidLevel level, TiffDirectory directory, long fileLength, bool sparseIsBackground, bool isPadded = false)
    {
        _level = level;
        long width = Size(directory, TiffTag.ImageWidth, level.Width, isPadded);
        long height = Size(directory, TiffTag.ImageLength, level.Height, isPadded);
        Codec = directory.Number(TiffTag.Compression) switch
        {
            7 => TileCodec.Jpeg,
            33003 => TileCodec.Jpeg2000YCbCr,
            33005 => TileCodec.Jpeg2000Rgb,
            long other => throw new UnservedTiffException($"{TiffTag.Compression} is {other}"),
        };
        Require(directory, TiffTag.SamplesPerPixel, 3);
        Require(directory, TiffTag.PlanarConfiguration, 1);
        foreach (TiffTag tag in (TiffTag[])[TiffTag.FillOrder, TiffTag.Orientation, TiffTag.ImageDepth])
        {
            if (directory.Has(tag))
            {
                Require(directory, tag, 1);
            }
        }

        if (directory.Has(TiffTag.ExtraSamples) || directory.Has(TiffTag.SampleFormat) || !directory.Numbers(TiffTag.BitsPerSample, 3).SequenceEqual([8, 8, 8]))
        {
            throw new UnservedTiffException("its samples are not three of 8 bits");
        }

        TileWidth = Edge(directory, TiffTag.TileWidth);
        TileHeight = Edge(directory, TiffTag.TileLength);
        MaxHalvings = Math.Min(MaxJpegHalvings, BitOperations.TrailingZeroCount(TileWidth | TileHeight));
        Columns = (width + TileWidth - 1) / TileWidth;
        long rows = (height + TileHeight - 1) / TileHeight;
        long tiles = Columns <= int.MaxValue / rows ? Columns * rows : throw new UnservedTiffException($"{Columns} × {rows} tiles");
        _offsets = directory.Numbers(TiffTag.TileOffsets, tiles);
        _sizes = [.. directory.Numbers(TiffTag.TileByteCounts, tiles).Select(s => s <= MaxTileBytes ? (int)s : throw new UnservedTiffException($"a tile of level {level.Index} has {s} bytes"))];
        if (_offsets.Length != tiles || _sizes.Length != tiles)
        {
            throw new UnservedTiffException($"level {level.Index} does not list its {tiles} tiles");
        }

        for (int i = 0; i < tiles; i++)
        {
            if (_sizes[i] > 0 && (_offsets[i] == 0 || _offsets[i] > fileLength - _sizes[i]))
            {
                throw new UnservedTiffException($"tile {i} of level {level.Index} is missing or oversized");
            }

            if (_sizes[i] == 0 && !sparseIsBackground)
            {
                throw new UnservedTiffException($"tile {i} of level {level.Index} was left out");
            }
        }

        IsYCbCr = directory.Number(TiffTag.PhotometricInterpretation) switch
        {
            2 => false,
            6 => true,
            long other => throw new UnservedTiffException($"photometric interpretation {other}"),
        };
        byte[] tables = Codec == TileCodec.Jpeg && directory.Has(TiffTag.JpegTables) ? directory.Bytes(TiffTag.JpegTables, 1 << 16) : [];
        Prefix = JpegSegments.Prefix(tables, IsYCbCr, out JpegSegments.Tables defined)
            ?? throw new UnservedTiffException("its JPEG tables hold something else");
        Tables = defined;
    }

    public int Index => _level.Index;

    public long Width => _level.Width;

    public long Height => _level.Height;

    public int TileWidth { get; }

    public int TileHeight { get; }

    public long Columns { get; }

    public int TileCount => _offsets.Length;

    /// <summary>How often a tile can be halved while it is decoded, its edges staying whole pixels.</summary>
    public int MaxHalvings { get; private set; }

    public TileCodec Codec { get; }

    /// <summary>For JPEG tiles: brightness and colour differences, not red, green and blue.</summary>
    public bool IsYCbCr { get; }

    /// <summary>For JPEG tiles: what stands in front of each instead of its first marker.</summary>
    public byte[] Prefix { get; }

    public JpegSegments.Tables Tables { get; }

    public (long Offset, int Size) Tile(int tile) => (_offsets[tile], _sizes[tile]);

    /// <summary>The file holds nothing for the tile: background.</summary>
    public bool IsSparse(int tile) => _sizes[tile] == 0;

    /// <summary>A codestream's size is that of the level's tiles.</summary>
    public bool Is(Jpeg2000Header? header) => header is { } h && h.Width == TileWidth && h.Height == TileHeight;

    /// <summary>The codestreams of the level have no more decompositions to leave out.</summary>
    public void LimitHalvings(int most) => MaxHalvings = Math.Min(MaxHalvings, most);

    /// <summary>Tiles that a region inside of the level touches, row by row.</summary>
    /// <param name="region">In pixels of the level halved <paramref name="halvings"/> times.</param>
    public IEnumerable<int> TilesOf(LevelRegion region, int halvings)
    {
        int tileWidth = TileWidth >> halvings;
        int tileHeight = TileHeight >> halvings;
        for (long row = region.Y / tileHeight; region.Width > 0 && row * tileHeight < region.Y + region.Height; row++)
        {
            for (long column = region.X / tileWidth; column * tileWidth < region.X + region.Width; column++)
            {
                yield return (int)((row * Columns) + column);
            }
        }
    }

    /// <summary>
    /// The region's top-left corner in pixels of this level. False where the corner stands for no pixel of it; there OpenSlide's blend of
    /// neighbours is the answer. Where the downsample is no whole number, OpenSlide blends even at corners that stand for a pixel,
    /// because they lie at a fraction of up to 0.5 / downsample beside it: the pixels themselves are given instead.
    /// </summary>
    public bool TryLocate(Level0Point origin, out long x, out long y) =>
        _level.TryFindPixel(origin.X, out x) & _level.TryFindPixel(origin.Y, out y);

    /// <summary>A level-0 coordinate for the first pixel from <paramref name="from"/> on that OpenSlide shows as it is, and the pixel.</summary>
    /// <param name="length">Pixels that are tried.</param>
    public bool TryFindUnblended(long from, long length, out long level0, out long pixel)
    {
        for (pixel = from; pixel < from + length; pixel++)
        {
            level0 = (long)Math.Round(pixel * _level.Downsample);
            // Its drawing library takes offsets in steps of 1/256 pixel.
            if (Math.Abs((level0 / _level.Downsample) - pixel) < 1.0 / 1024)
            {
                return true;
            }
        }

        (level0, pixel) = (0, 0);
        return false;
    }

    private static long Size(TiffDirectory directory, TiffTag tag, long value, bool isPadded)
    {
        long actual = directory.Number(tag);
        return actual == value || (isPadded && actual > value) ? actual : throw new UnservedTiffException($"{tag} is {actual}");
    }

    private static void Require(TiffDirectory directory, TiffTag tag, long value)
    {
        long actual = directory.Number(tag);
        if (actual != value)
        {
            throw new UnservedTiffException($"{tag} is {actual}");
        }
    }

    private static int Edge(TiffDirectory directory, TiffTag tag)
    {
        long edge = directory.Number(tag);
        return edge is > 0 and <= MaxTileEdge ? (int)edge : throw new UnservedTiffException($"{tag} is {edge}");
    }
}
