using System.Text;

namespace SlideMesh.Slides.TiledTiff;

/// <summary>One picture's tags, as they stand in the file.</summary>
internal sealed class TiffDirectory(TiffFile file, Dictionary<TiffTag, TiffDirectory.Entry> entries)
{
    public bool IsTiled => entries.ContainsKey(TiffTag.TileWidth);

    public bool Has(TiffTag tag) => entries.ContainsKey(tag);

    /// <summary>The only number of a tag.</summary>
    public long Number(TiffTag tag)
    {
        long[] numbers = Numbers(tag, 1);
        return numbers.Length == 1 ? numbers[0] : throw new UnservedTiffException($"tag {tag} has {numbers.Length} values instead of one");
    }

    /// <summary>A tag of type ASCII up to its first NUL, at most <paramref name="limit"/> bytes; empty when the directory has none.</summary>
    public string Text(TiffTag tag, long limit)
    {
        if (!entries.TryGetValue(tag, out Entry? entry) || entry.Type != 2 || entry.Count > limit)
        {
            return "";
        }

        byte[] bytes = Bytes(entry, 1);
        int end = Array.IndexOf(bytes, (byte)0);
        return Encoding.UTF8.GetString(bytes, 0, end < 0 ? bytes.Length : end);
    }

    /// <summary>Pictures below this one (tag 330, from TIFF's supplement 1), at most <paramref name="limit"/>.</summary>
    public IEnumerable<TiffDirectory> SubDirectories(long limit) =>
        Has(TiffTag.SubIfds) ? Numbers(TiffTag.SubIfds, limit).Select(file.ReadDirectoryAt) : [];

    /// <summary>Numbers of a tag of type SHORT, LONG, IFD or (BigTIFF) LONG8, IFD8, at most <paramref name="limit"/> of them.</summary>
    public long[] Numbers(TiffTag tag, long limit)
    {
        Entry entry = Find(tag);
        int size = entry.Type switch
        {
            3 => 2,
            4 or 13 => 4,
            16 or 18 when file.IsBig => 8,
            _ => throw new UnservedTiffException($"tag {tag} is of type {entry.Type}"),
        };
        if (entry.Count > limit)
        {
            throw new UnservedTiffException($"tag {tag} has {entry.Count} values");
        }

        byte[] bytes = Bytes(entry, size);
        var numbers = new long[entry.Count];
        for (int i = 0; i < numbers.Length; i++)
        {
            numbers[i] = file.Number(bytes.AsSpan(i * size, size));
        }

        return numbers;
    }

    /// <summary>Content of a tag of type BYTE or UNDEFINED, at most <paramref name="limit"/> bytes.</summary>
    public byte[] Bytes(TiffTag tag, long limit)
    {
        Entry entry = Find(tag);
        return entry.Type is 1 or 7 && entry.Count <= limit
            ? Bytes(entry, 1)
            : throw new UnservedTiffException($"tag {tag} holds {entry.Count} values of type {entry.Type}");
    }

    private Entry Find(TiffTag tag) =>
        entries.TryGetValue(tag, out Entry? entry) ? entry : throw new UnservedTiffException($"tag {tag} is missing");

    private byte[] Bytes(Entry entry, int size)
    {
        long length = entry.Count * size;
        return length <= entry.Inline.Length
            ? entry.Inline[..(int)length]
            : file.Read(file.Number(entry.Inline), length);
    }

    /// <param name="Inline">The value itself where it fits, otherwise its offset.</param>
    internal sealed record Entry(ushort Type, long Count, byte[] Inline);
}
