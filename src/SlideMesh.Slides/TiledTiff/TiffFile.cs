using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace SlideMesh.Slides.TiledTiff;

/// <summary>
/// Directories of a classic TIFF or a BigTIFF, either byte order. Stricter than the specification asks: whatever libtiff would
/// have to repair or guess ends in <see cref="UnservedTiffException"/>. Sizes are checked before memory is taken.
/// </summary>
internal sealed class TiffFile
{
    private const int MaxDirectories = 64;
    private const int MaxEntries = 1024;
    private const long MaxValueBytes = 1 << 28;

    private readonly SafeFileHandle _file;
    private readonly bool _littleEndian;
    private readonly int _offsetBytes;
    private readonly long _first;

    /// <exception cref="UnservedTiffException">No TIFF.</exception>
    public TiffFile(SafeFileHandle file)
    {
        _file = file;
        Length = RandomAccess.GetLength(file);
        byte[] head = Read(0, Math.Min(16, Length));
        if (head.Length < 8)
        {
            throw new UnservedTiffException("it is too short");
        }

        _littleEndian = head[0] == (byte)'I';
        if (head[0] != head[1] || head[0] is not ((byte)'I' or (byte)'M'))
        {
            throw new UnservedTiffException("it is no TIFF");
        }

        IsBig = Number(head.AsSpan(2, 2)) switch
        {
            42 => false,
            43 when head.Length == 16 && Number(head.AsSpan(4, 2)) == 8 && Number(head.AsSpan(6, 2)) == 0 => true,
            _ => throw new UnservedTiffException("it is no TIFF"),
        };
        _offsetBytes = IsBig ? 8 : 4;
        _first = Number(head.AsSpan(IsBig ? 8 : 4, _offsetBytes));
    }

    public bool IsBig { get; }

    public long Length { get; }

    /// <summary>All directories of the main chain, in the file's order.</summary>
    public List<TiffDirectory> ReadDirectories()
    {
        List<TiffDirectory> directories = [];
        HashSet<long> seen = [];
        for (long at = _first; at != 0;)
        {
            if (directories.Count == MaxDirectories || !seen.Add(at))
            {
                throw new UnservedTiffException($"its directories form a loop or are more than {MaxDirectories}");
            }

            (TiffDirectory directory, at) = ReadDirectory(at);
            directories.Add(directory);
        }

        return directories;
    }

    /// <summary>A directory that another one points to.</summary>
    public TiffDirectory ReadDirectoryAt(long at) => ReadDirectory(at).Directory;

    /// <exception cref="UnservedTiffException">The bytes lie outside of the file, or are too many for any tag.</exception>
    public byte[] Read(long offset, long count)
    {
        if (count is < 0 or > MaxValueBytes || offset < 0 || offset > Length - count)
        {
            throw new UnservedTiffException($"{count} bytes at {offset} lie outside of it");
        }

        byte[] bytes = new byte[count];
        for (int done = 0; done < bytes.Length;)
        {
            int read = RandomAccess.Read(_file, bytes.AsSpan(done), offset + done);
            done += read > 0 ? read : throw new UnservedTiffException("it became shorter");
        }

        return bytes;
    }

    /// <summary>Reads 2, 4 or 8 bytes as an unsigned number.</summary>
    public long Number(ReadOnlySpan<byte> bytes)
    {
        ulong value = bytes.Length switch
        {
            2 => _littleEndian ? BinaryPrimitives.ReadUInt16LittleEndian(bytes) : BinaryPrimitives.ReadUInt16BigEndian(bytes),
            4 => _littleEndian ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : BinaryPrimitives.ReadUInt32BigEndian(bytes),
            _ => _littleEndian ? BinaryPrimitives.ReadUInt64LittleEndian(bytes) : BinaryPrimitives.ReadUInt64BigEndian(bytes),
        };
        return value <= long.MaxValue ? (long)value : throw new UnservedTiffException($"it holds the number {value}");
    }

    private (TiffDirectory Directory, long Next) ReadDirectory(long at)
    {
        int head = IsBig ? 8 : 2;
        long count = Number(Read(at, head));
        if (count is 0 or > MaxEntries)
        {
            throw new UnservedTiffException($"a directory has {count} entries");
        }

        int slot = 4 + (2 * _offsetBytes);
        byte[] bytes = Read(at + head, (count * slot) + _offsetBytes);
        Dictionary<TiffTag, TiffDirectory.Entry> entries = [];
        int last = -1;
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> entry = bytes.AsSpan(i * slot, slot);
            int tag = (int)Number(entry[..2]);
            if (tag <= last)
            {
                throw new UnservedTiffException("tags are repeated or out of order");
            }

            last = tag;
            long values = Number(entry.Slice(4, _offsetBytes));
            if (values is 0 || values > Length)
            {
                throw new UnservedTiffException($"tag {tag} has {values} values");
            }

            entries.Add((TiffTag)tag, new((ushort)Number(entry.Slice(2, 2)), values, entry[(4 + _offsetBytes)..].ToArray()));
        }

        return (new TiffDirectory(this, entries), Number(bytes.AsSpan((int)count * slot)));
    }
}
