using System.Buffers.Binary;

namespace SlideMesh.Slides.Pyramid;

/// <summary>
/// Finds TIFF files (classic and BigTIFF, so most slides) that end before the data that their directories point to: copies that
/// broke off. Without it such a slide opens and fails tile by tile, or shows fewer levels than it has.
/// </summary>
/// <remarks>
/// The file is not trusted: every offset and count is compared with its length before use, all of them as unsigned 64-bit numbers, and
/// work and memory are bounded. Cycles of directories end; what they mean is left to the reader.
/// </remarks>
internal static class TiffTruncation
{
    private const ushort StripOffsets = 273;
    private const ushort StripByteCounts = 279;
    private const ushort TileOffsets = 324;
    private const ushort TileByteCounts = 325;
    private const int MaxDirectories = 1000;

    // Over all directories: slides of a million tiles have a few million; 16 M numbers are 128 MB and under a second.
    private const ulong MaxNumbers = 16 << 20;

    /// <summary>What lies beyond the end of the file; null when all is there, or when the file is no TIFF.</summary>
    public static string? Find(string path)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 4096);
        if (file.Length == 0)
        {
            return "it is empty";
        }

        try
        {
            return TiffWalk.TryStart(file, out TiffWalk? walk) ? FindIn(walk, (ulong)file.Length) : null;
        }
        catch (EndOfStreamException)
        {
            return "a directory lies beyond its end";
        }
    }

    private static string? FindIn(TiffWalk walk, ulong length)
    {
        // Hamamatsu writes classic TIFF beyond 4 GiB with offsets of its own making.
        if (!walk.IsBig && length > uint.MaxValue)
        {
            return null;
        }

        var seen = new HashSet<ulong>();
        for (ulong at = walk.FirstDirectory; at != 0 && seen.Count < MaxDirectories && seen.Add(at);)
        {
            if (at >= length)
            {
                return $"directory {seen.Count - 1} should lie at byte {at} of {length}";
            }

            (Dictionary<ushort, TiffWalk.Entry> entries, ulong next) = walk.ReadDirectory(at);
            UInt128 end = UInt128.Max(End(walk, entries, TileOffsets, TileByteCounts), End(walk, entries, StripOffsets, StripByteCounts));
            if (end > length)
            {
                return $"picture {seen.Count - 1} needs {end} bytes, the file has {length}";
            }

            at = next;
        }

        return null;
    }

    private static UInt128 End(TiffWalk walk, Dictionary<ushort, TiffWalk.Entry> entries, ushort offsetTag, ushort countTag)
    {
        if (!entries.TryGetValue(offsetTag, out TiffWalk.Entry offsets) || !entries.TryGetValue(countTag, out TiffWalk.Entry counts))
        {
            return 0;
        }

        ulong[] starts = walk.ReadNumbers(offsets);
        ulong[] sizes = walk.ReadNumbers(counts);
        UInt128 end = 0;
        for (int i = 0; i < Math.Min(starts.Length, sizes.Length); i++)
        {
            // Offset 0 or size 0 is a tile that was left out on purpose.
            if (starts[i] > 0 && sizes[i] > 0)
            {
                end = UInt128.Max(end, (UInt128)starts[i] + sizes[i]);
            }
        }

        return end;
    }

    /// <summary>Reads directories of either byte order and offset width.</summary>
    private sealed class TiffWalk
    {
        private readonly FileStream _file;
        private readonly bool _littleEndian;
        private readonly ulong _length;
        private ulong _numbersLeft = MaxNumbers;

        private TiffWalk(FileStream file, bool littleEndian, bool isBig)
        {
            _file = file;
            _littleEndian = littleEndian;
            _length = (ulong)file.Length;
            IsBig = isBig;
            _file.Position = isBig ? 8 : 4;
            FirstDirectory = Number(isBig ? 8 : 4);
        }

        public bool IsBig { get; }

        public ulong FirstDirectory { get; }

        public static bool TryStart(FileStream file, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out TiffWalk? walk)
        {
            Span<byte> head = stackalloc byte[4];
            walk = null;
            if (file.ReadAtLeast(head, 4, throwOnEndOfStream: false) < 4)
            {
                return false;
            }

            bool? isBig = (head[0], head[1], head[2], head[3]) switch
            {
                ((byte)'I', (byte)'I', 42, 0) or ((byte)'M', (byte)'M', 0, 42) => false,
                ((byte)'I', (byte)'I', 43, 0) or ((byte)'M', (byte)'M', 0, 43) => true,
                _ => null,
            };
            walk = isBig is { } big ? new TiffWalk(file, head[0] == (byte)'I', big) : null;
            return walk is not null;
        }

        /// <param name="at">Less than the file's length.</param>
        public (Dictionary<ushort, Entry> Entries, ulong Next) ReadDirectory(ulong at)
        {
            _file.Position = (long)at;
            ulong count = Number(IsBig ? 8 : 2);
            if (count > ushort.MaxValue)
            {
                throw new EndOfStreamException();
            }

            int width = IsBig ? 8 : 4;
            var entries = new Dictionary<ushort, Entry>();
            for (ulong i = 0; i < count; i++)
            {
                ushort tag = (ushort)Number(2);
                ushort type = (ushort)Number(2);
                ulong values = Number(width);
                entries[tag] = new Entry(type, values, _file.Position);
                _file.Position += width;
            }

            return (entries, Number(width));
        }

        /// <summary>Empty when the entry holds no whole numbers, or more than a slide can have.</summary>
        public ulong[] ReadNumbers(Entry entry)
        {
            int size = entry.Type switch { 3 => 2, 4 => 4, 13 => 4, 16 => 8, 18 => 8, _ => 0 };
            if (size == 0)
            {
                return [];
            }

            if (entry.Count > _length / (ulong)size)
            {
                throw new EndOfStreamException();
            }

            if (entry.Count > _numbersLeft)
            {
                return [];
            }

            _numbersLeft -= entry.Count;
            ulong bytes = entry.Count * (ulong)size;
            int width = IsBig ? 8 : 4;
            _file.Position = entry.At;
            ulong at = bytes > (ulong)width ? Number(width) : (ulong)entry.At;
            if (at > _length || bytes > _length - at)
            {
                throw new EndOfStreamException();
            }

            _file.Position = (long)at;
            var numbers = new ulong[entry.Count];
            for (int i = 0; i < numbers.Length; i++)
            {
                numbers[i] = Number(size);
            }

            return numbers;
        }

        private ulong Number(int size)
        {
            Span<byte> bytes = stackalloc byte[8];
            bytes.Clear();
            Span<byte> used = _littleEndian ? bytes[..size] : bytes[(8 - size)..];
            _file.ReadExactly(used);
            return _littleEndian ? BinaryPrimitives.ReadUInt64LittleEndian(bytes) : BinaryPrimitives.ReadUInt64BigEndian(bytes);
        }

        public readonly record struct Entry(ushort Type, ulong Count, long At);
    }
}
