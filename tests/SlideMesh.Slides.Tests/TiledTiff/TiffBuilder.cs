using System.Buffers.Binary;
using System.Text;
using SlideMesh.Slides.Raster;
using SlideMesh.Slides.TurboJpeg;

namespace SlideMesh.Slides.Tests.TiledTiff;

/// <summary>Makes tiled TIFF files of every kind that scanners write, without the product's own writer.</summary>
internal sealed record TiffBuilder
{
    public bool IsBig { get; init; }

    public bool IsLittleEndian { get; init; } = true;

    public int TileEdge { get; init; } = 64;

    /// <summary>2: RGB (the JPEG's components are shown as they are), 6: YCbCr.</summary>
    public ushort Photometric { get; init; } = 6;

    public JpegSubsampling Subsampling { get; init; } = JpegSubsampling.None;

    /// <summary>Quantization and Huffman tables go to tag 347, and the tiles lose them and their JFIF marker, as Aperio has it.</summary>
    public bool SharesTables { get; init; }

    public string? Description { get; init; }

    /// <summary>Tag 305, by which Philips slides are recognised.</summary>
    public string? Software { get; init; }

    /// <summary>Lower levels hang below the first directory (tag 330) instead of following it, as OME-TIFF has it.</summary>
    public bool HasSubIfds { get; init; }

    /// <summary>Aperio's second picture, which is striped and no level.</summary>
    public bool HasThumbnail { get; init; }

    /// <summary>Changes a level's compressed tile before it is written.</summary>
    public Func<int, int, byte[], byte[]>? Edit { get; init; }

    /// <summary>Values of tags that replace or join those of every level.</summary>
    public IReadOnlyDictionary<ushort, ushort> Override { get; init; } = new Dictionary<ushort, ushort>();

    public byte[] Build(params RgbImage[] levels)
    {
        List<byte> file = [];
        file.AddRange(IsLittleEndian ? "II"u8 : "MM"u8);
        Put(file, 2, IsBig ? 43 : 42);
        if (IsBig)
        {
            Put(file, 2, 8);
            Put(file, 2, 0);
        }

        int pointer = file.Count;
        Put(file, OffsetBytes, 0);
        bool isBigEndianClassic = !IsBig && !IsLittleEndian;
        if (isBigEndianClassic)
        {
            Put(file, OffsetBytes, 0);
        }

        List<long> below = [];
        for (int i = 1; HasSubIfds && i < levels.Length; i++)
        {
            int own = file.Count;
            Put(file, OffsetBytes, 0);
            AddDirectory(file, own, LevelTags(file, i, levels[i]));
            below.Add(Enumerable.Range(0, OffsetBytes).Sum(b => (long)file[own + b] << (8 * (IsLittleEndian ? b : OffsetBytes - 1 - b))));
        }

        for (int i = 0; i < (HasSubIfds ? 1 : levels.Length); i++)
        {
            SortedDictionary<ushort, (ushort Type, long[] Values)> tags = LevelTags(file, i, levels[i]);
            if (below.Count > 0)
            {
                tags[330] = (IsBig ? (ushort)18 : (ushort)13, [.. below]);
            }

            pointer = AddDirectory(file, pointer, tags);
            if (i == 0 && HasThumbnail)
            {
                pointer = AddDirectory(file, pointer, ThumbnailTags(file));
            }
        }

        if (isBigEndianClassic)
        {
            // OpenSlide 3.4.1 takes the first directory's offset from four bytes too late in files of this kind.
            for (int i = 4; i < 8; i++)
            {
                file[i + 4] = file[i];
            }
        }

        return [.. file];
    }

    private int OffsetBytes => IsBig ? 8 : 4;

    private SortedDictionary<ushort, (ushort Type, long[] Values)> LevelTags(List<byte> file, int index, RgbImage image)
    {
        using JpegEncoder encoder = new(85, Subsampling);
        int columns = (image.Width + TileEdge - 1) / TileEdge;
        int rows = (image.Height + TileEdge - 1) / TileEdge;
        List<long> offsets = [];
        List<long> sizes = [];
        byte[] tables = [];
        for (int i = 0; i < columns * rows; i++)
        {
            byte[] jpeg = encoder.Encode(Crop(image, i % columns * TileEdge, i / columns * TileEdge));
            if (SharesTables)
            {
                (tables, jpeg) = Split(jpeg);
            }

            jpeg = Edit?.Invoke(index, i, jpeg) ?? jpeg;
            offsets.Add(file.Count);
            sizes.Add(jpeg.Length);
            file.AddRange(jpeg);
        }

        SortedDictionary<ushort, (ushort Type, long[] Values)> tags = new()
        {
            [254] = (4, [index == 0 ? 0 : 1]),
            [256] = (4, [image.Width]),
            [257] = (4, [image.Height]),
            [258] = (3, [8, 8, 8]),
            [259] = (3, [7]),
            [262] = (3, [Photometric]),
            [277] = (3, [3]),
            [284] = (3, [1]),
            [322] = (3, [TileEdge]),
            [323] = (3, [TileEdge]),
            [324] = (IsBig ? (ushort)16 : (ushort)4, [.. offsets]),
            [325] = (4, [.. sizes]),
            [530] = (3, [Subsampling == JpegSubsampling.None ? 1 : 2, Subsampling == JpegSubsampling.Both ? 2 : 1]),
        };
        if (tables.Length > 0)
        {
            tags[347] = (7, [.. tables.Select(b => (long)b)]);
        }

        if (index == 0 && Description is not null)
        {
            tags[270] = (2, [.. Encoding.ASCII.GetBytes(Description + "\0").Select(b => (long)b)]);
        }

        if (index == 0 && Software is not null)
        {
            tags[305] = (2, [.. Encoding.ASCII.GetBytes(Software + "\0").Select(b => (long)b)]);
        }

        foreach ((ushort tag, ushort value) in Override)
        {
            tags[tag] = (3, [value]);
        }

        return tags;
    }

    private static SortedDictionary<ushort, (ushort Type, long[] Values)> ThumbnailTags(List<byte> file)
    {
        int at = file.Count;
        file.AddRange(new byte[16 * 16 * 3]);
        return new()
        {
            [254] = (4, [0]),
            [256] = (4, [16]),
            [257] = (4, [16]),
            [258] = (3, [8, 8, 8]),
            [259] = (3, [1]),
            [262] = (3, [2]),
            [273] = (4, [at]),
            [277] = (3, [3]),
            [278] = (3, [16]),
            [279] = (4, [16 * 16 * 3]),
            [284] = (3, [1]),
        };
    }

    private int AddDirectory(List<byte> file, int pointer, SortedDictionary<ushort, (ushort Type, long[] Values)> tags)
    {
        if (file.Count % 2 == 1)
        {
            file.Add(0);
        }

        Patch(file, pointer, OffsetBytes, file.Count);
        Put(file, IsBig ? 8 : 2, tags.Count);
        int external = file.Count + (tags.Count * (4 + (2 * OffsetBytes))) + OffsetBytes;
        List<byte> values = [];
        foreach ((ushort tag, (ushort type, long[] numbers)) in tags)
        {
            Put(file, 2, tag);
            Put(file, 2, type);
            Put(file, OffsetBytes, numbers.Length);
            List<byte> value = [];
            foreach (long number in numbers)
            {
                Put(value, type switch { 3 => 2, 4 or 13 => 4, 16 or 18 => 8, _ => 1 }, number);
            }

            if (value.Count > OffsetBytes)
            {
                Put(file, OffsetBytes, external + values.Count);
                values.AddRange(value);
                values.AddRange(new byte[values.Count % 2]);
            }
            else
            {
                file.AddRange(value);
                file.AddRange(new byte[OffsetBytes - value.Count]);
            }
        }

        int next = file.Count;
        Put(file, OffsetBytes, 0);
        file.AddRange(values);
        return next;
    }

    private RgbImage Crop(RgbImage image, int left, int top)
    {
        RgbImage tile = new(TileEdge, TileEdge);
        for (int row = 0; row < Math.Min(TileEdge, image.Height - top); row++)
        {
            image.Pixels.AsSpan((((top + row) * image.Width) + left) * 3, Math.Min(TileEdge, image.Width - left) * 3)
                .CopyTo(tile.Pixels.AsSpan(row * TileEdge * 3));
        }

        return tile;
    }

    private static (byte[] Tables, byte[] Tile) Split(byte[] jpeg)
    {
        List<byte> tables = [0xFF, 0xD8];
        List<byte> rest = [0xFF, 0xD8];
        int at = 2;
        while (jpeg[at + 1] != 0xDA)
        {
            int end = at + 2 + BinaryPrimitives.ReadUInt16BigEndian(jpeg.AsSpan(at + 2));
            if (jpeg[at + 1] != 0xE0)
            {
                (jpeg[at + 1] is 0xDB or 0xC4 ? tables : rest).AddRange(jpeg[at..end]);
            }

            at = end;
        }

        return ([.. tables, 0xFF, 0xD9], [.. rest, .. jpeg[at..]]);
    }

    private void Put(List<byte> to, int bytes, long value)
    {
        to.AddRange(new byte[bytes]);
        Patch(to, to.Count - bytes, bytes, value);
    }

    private void Patch(List<byte> to, int at, int bytes, long value)
    {
        for (int i = 0; i < bytes; i++)
        {
            to[at + i] = (byte)(value >> (8 * (IsLittleEndian ? i : bytes - 1 - i)));
        }
    }
}
