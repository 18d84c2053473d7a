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

    /// <summary>Numbers of a tag of type SHORT, LONG or (BigTIFF) LONG8, at most <paramref name="limit"/> of them.</summary>
    public long[] Numbers(TiffTag tag, long limit)
    {
        Entry entry = Find(tag);
        int size = entry.Type switch
        {
            3 => 2,
            4 => 4,
            16 when file.IsBig => 8,
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
