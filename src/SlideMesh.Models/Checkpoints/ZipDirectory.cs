using System.Buffers.Binary;
using System.Text;

namespace SlideMesh.Models.Checkpoints;

/// <summary>
/// The files of a zip archive. Only those that are stored as they are can be read, as PyTorch writes all but TorchScript's code: nothing is
/// unpacked, so a small archive cannot grow in memory. A name that would leave a folder is refused. APPNOTE.TXT 6.3.10, with zip64.
/// </summary>
internal static class ZipDirectory
{
    private const uint LocalSignature = 0x04034b50;
    private const uint EntrySignature = 0x02014b50;
    private const uint EndSignature = 0x06054b50;
    private const uint End64Signature = 0x06064b50;
    private const uint Locator64Signature = 0x07064b50;
    private const int EndLength = 22;
    private const int LongestComment = 65535;

    /// <returns>By name; null for a file that is compressed or encrypted.</returns>
    /// <exception cref="CheckpointException">The archive is damaged, or has such a name.</exception>
    public static Dictionary<string, FileSegment?> Read(CheckpointFile file)
    {
        (long start, long length, long entries) = FindDirectory(file);
        if (start < 0 || length < 0 || start > file.Length - length || length > Array.MaxLength || entries > length / 46)
        {
            throw Damaged(file);
        }

        byte[] directory = new byte[length];
        file.Read(start, directory);
        Dictionary<string, FileSegment?> files = new(StringComparer.Ordinal);
        ReadOnlySpan<byte> rest = directory;
        for (long i = 0; i < entries; i++)
        {
            rest = rest[ReadEntry(file, rest, files)..];
        }

        return files;
    }

    private static (long Start, long Length, long Entries) FindDirectory(CheckpointFile file)
    {
        byte[] tail = new byte[(int)Math.Min(file.Length, EndLength + LongestComment)];
        file.Read(file.Length - tail.Length, tail);
        for (int at = tail.Length - EndLength; at >= 0; at--)
        {
            ReadOnlySpan<byte> end = tail.AsSpan(at);
            if (U32(end) == EndSignature && U16(end[20..]) == tail.Length - at - EndLength)
            {
                // The fields of 16 and 32 bits are all ones where the archive needs more.
                bool large = U16(end[10..]) == 0xffff || U32(end[12..]) == 0xffffffff || U32(end[16..]) == 0xffffffff;
                return large ? FindDirectory64(file, file.Length - tail.Length + at) : (U32(end[16..]), U32(end[12..]), U16(end[10..]));
            }
        }

        throw file.Fail("is a zip archive without its directory; it is cut short: fetch it again.");
    }

    private static (long Start, long Length, long Entries) FindDirectory64(CheckpointFile file, long endAt)
    {
        Span<byte> locator = stackalloc byte[20];
        Span<byte> end = stackalloc byte[56];
        if (endAt < locator.Length)
        {
            throw Damaged(file);
        }

        file.Read(endAt - locator.Length, locator);
        long at = I64(locator[8..]);
        if (U32(locator) != Locator64Signature || at < 0 || at > file.Length - end.Length)
        {
            throw Damaged(file);
        }

        file.Read(at, end);
        return U32(end) == End64Signature ? (I64(end[48..]), I64(end[40..]), I64(end[32..])) : throw Damaged(file);
    }

    /// <returns>Bytes of the entry.</returns>
    private static int ReadEntry(CheckpointFile file, ReadOnlySpan<byte> entry, Dictionary<string, FileSegment?> files)
    {
        if (entry.Length < 46 || U32(entry) != EntrySignature)
        {
            throw Damaged(file);
        }

        int nameLength = U16(entry[28..]);
        int extraLength = U16(entry[30..]);
        int total = 46 + nameLength + extraLength + U16(entry[32..]);
        if (total > entry.Length)
        {
            throw Damaged(file);
        }

        string name = Encoding.UTF8.GetString(entry.Slice(46, nameLength));
        int flags = U16(entry[8..]);
        int method = U16(entry[10..]);
        long packed = U32(entry[20..]);
        long size = U32(entry[24..]);
        long local = U32(entry[42..]);
        ReadLargeSizes(file, entry.Slice(46 + nameLength, extraLength), ref size, ref packed, ref local);
        if (name.StartsWith('/') || name.Contains('\\') || name.Contains('\0') || name.Contains(':') || name.Split('/').Any(part => part is ".." or "."))
        {
            throw file.Fail("names a file outside of the archive; it is made to do harm: it is refused.");
        }

        if (name.EndsWith('/') && size == 0)
        {
            return total;
        }

        bool stored = method == 0 && packed == size && (flags & 1) == 0;
        return files.TryAdd(name, stored ? Contents(file, name, local, size) : null)
            ? total
            : throw file.Fail($"holds '{Printable(name)}' twice; it is refused.");
    }

    private static FileSegment Contents(CheckpointFile file, string name, long local, long size)
    {
        Span<byte> header = stackalloc byte[30];
        if (local < 0 || local > file.Length - header.Length)
        {
            throw Damaged(file);
        }

        file.Read(local, header);
        return U32(header) == LocalSignature
            ? new FileSegment(file, local + header.Length + U16(header[26..]) + U16(header[28..]), size)
            : throw file.Fail($"has no file where its directory says that '{Printable(name)}' is; it is damaged: fetch it again.");
    }

    /// <summary>Extra field 1 holds, in this order, those of the three that are all ones in the entry.</summary>
    private static void ReadLargeSizes(CheckpointFile file, ReadOnlySpan<byte> extra, ref long size, ref long packed, ref long local)
    {
        while (extra.Length >= 4)
        {
            int length = U16(extra[2..]);
            if (length > extra.Length - 4)
            {
                throw Damaged(file);
            }

            if (U16(extra) == 1)
            {
                ReadOnlySpan<byte> values = extra.Slice(4, length);
                size = Next(file, size, ref values);
                packed = Next(file, packed, ref values);
                local = Next(file, local, ref values);
            }

            extra = extra[(4 + length)..];
        }
    }

    private static long Next(CheckpointFile file, long value, ref ReadOnlySpan<byte> values)
    {
        if (value != 0xffffffff)
        {
            return value;
        }

        long large = values.Length >= 8 ? I64(values) : -1;
        if (large < 0)
        {
            throw Damaged(file);
        }

        values = values[8..];
        return large;
    }

    internal static string Printable(string name) => new([.. name.Select(c => char.IsControl(c) ? '?' : c)]);

    private static ushort U16(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt16LittleEndian(bytes);

    private static uint U32(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt32LittleEndian(bytes);

    private static long I64(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadInt64LittleEndian(bytes);

    private static CheckpointException Damaged(CheckpointFile file) => file.Fail("is a damaged zip archive; fetch it again.");
}
