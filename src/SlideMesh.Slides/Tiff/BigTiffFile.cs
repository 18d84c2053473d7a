using System.Buffers.Binary;
using System.Text;
using SlideMesh.Slides.TurboJpeg;

namespace SlideMesh.Slides.Tiff;

/// <summary>
/// Writes BigTIFF (little endian): a header, tile data in the order of arrival, then one directory a level.
/// Layout after the BigTIFF proposal of the libtiff project (version 43, 8-byte offsets) and TIFF 6.0.
/// </summary>
internal sealed class BigTiffFile
{
    private const ushort Ascii = 2;
    private const ushort Short = 3;
    private const ushort Long = 4;
    private const ushort Rational = 5;
    private const ushort Long8 = 16;

    private readonly Stream _stream;
    private readonly long _start;

    /// <param name="stream">Writable and seekable; the file starts at its position.</param>
    internal BigTiffFile(Stream stream)
    {
        if (!stream.CanSeek || !stream.CanWrite)
        {
            throw new ArgumentException("A pyramid needs a stream that can be written and sought.", nameof(stream));
        }

        _stream = stream;
        _start = stream.Position;

        // "II", version 43, offset size 8, reserved 0, then the offset of the first directory (patched at the end).
        _stream.Write([(byte)'I', (byte)'I', 43, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    private long Position => _stream.Position - _start;

    /// <returns>Offset of the tile from the start of the file.</returns>
    internal long AppendTile(byte[] jpeg)
    {
        long offset = Position;
        _stream.Write(jpeg);
        return offset;
    }

    /// <summary>Writes the directories and closes the chain. Nothing may be written afterwards.</summary>
    /// <param name="offsets">Per level, per tile (row-major): offset from the start of the file. Offsets may be shared.</param>
    /// <param name="sizes">Per level, per tile: bytes.</param>
    internal void WriteDirectories(
        IReadOnlyList<LevelLayout> levels, IReadOnlyList<long[]> offsets, IReadOnlyList<int[]> sizes, PyramidalTiffOptions options)
    {
        long pointer = 8;
        foreach (LevelLayout level in levels)
        {
            List<Entry> entries = Entries(level, offsets[level.Index], sizes[level.Index], options);
            Align();
            PatchPointer(pointer, Position);
            pointer = WriteDirectory(entries);
        }

        _stream.Flush();
    }

    private static List<Entry> Entries(LevelLayout level, long[] offsets, int[] sizes, PyramidalTiffOptions options)
    {
        (ushort horizontal, ushort vertical) = options.Subsampling switch
        {
            JpegSubsampling.Both => ((ushort)2, (ushort)2),
            JpegSubsampling.Horizontal => ((ushort)2, (ushort)1),
            _ => ((ushort)1, (ushort)1),
        };
        List<Entry> entries =
        [
            Entry.OfLong(254, level.Index == 0 ? 0u : 1u),
            Entry.OfLong(256, checked((uint)level.Width)),
            Entry.OfLong(257, checked((uint)level.Height)),
            Entry.OfShorts(258, 8, 8, 8),
            Entry.OfShorts(259, 7),
            Entry.OfShorts(262, 6),
        ];
        if (level.Index == 0 && options.Description is { } description)
        {
            entries.Add(Entry.OfText(270, description));
        }

        entries.Add(Entry.OfShorts(277, 3));
        if (options.MicronsPerPixel is { } micronsPerPixel)
        {
            entries.Add(Entry.OfResolution(282, micronsPerPixel * level.Downsample));
            entries.Add(Entry.OfResolution(283, micronsPerPixel * level.Downsample));
        }

        entries.Add(Entry.OfShorts(284, 1));
        if (options.MicronsPerPixel is not null)
        {
            entries.Add(Entry.OfShorts(296, 3));
        }

        if (options.Software is { } software)
        {
            entries.Add(Entry.OfText(305, software));
        }

        entries.Add(Entry.OfLong(322, (uint)level.TileSizePx));
        entries.Add(Entry.OfLong(323, (uint)level.TileSizePx));
        entries.Add(Entry.OfOffsets(324, offsets));
        entries.Add(Entry.OfSizes(325, sizes));
        entries.Add(Entry.OfShorts(530, horizontal, vertical));
        return entries;
    }

    /// <returns>Where the offset of the next directory belongs.</returns>
    private long WriteDirectory(List<Entry> entries)
    {
        byte[] directory = new byte[8 + (entries.Count * 20) + 8];
        BinaryPrimitives.WriteInt64LittleEndian(directory, entries.Count);
        long start = Position;
        long external = (start + directory.Length + 7) & ~7L;
        for (int i = 0; i < entries.Count; i++)
        {
            Entry entry = entries[i];
            Span<byte> slot = directory.AsSpan(8 + (i * 20), 20);
            BinaryPrimitives.WriteUInt16LittleEndian(slot, entry.Tag);
            BinaryPrimitives.WriteUInt16LittleEndian(slot[2..], entry.Type);
            BinaryPrimitives.WriteInt64LittleEndian(slot[4..], entry.Count);
            if (entry.Value.Length <= 8)
            {
                entry.Value.CopyTo(slot[12..]);
            }
            else
            {
                BinaryPrimitives.WriteInt64LittleEndian(slot[12..], external);
                external += (entry.Value.Length + 7) & ~7;
            }
        }

        _stream.Write(directory);
        Align();
        foreach (Entry entry in entries.Where(e => e.Value.Length > 8))
        {
            _stream.Write(entry.Value);
            Align();
        }

        return start + directory.Length - 8;
    }

    private void PatchPointer(long at, long value)
    {
        long end = _stream.Position;
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        _stream.Position = _start + at;
        _stream.Write(bytes);
        _stream.Position = end;
    }

    private void Align()
    {
        int excess = (int)(Position % 8);
        if (excess != 0)
        {
            _stream.Write(new byte[8 - excess]);
        }
    }

    private sealed record Entry(ushort Tag, ushort Type, long Count, byte[] Value)
    {
        internal static Entry OfLong(ushort tag, uint value)
        {
            byte[] bytes = new byte[4];
            BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
            return new(tag, Long, 1, bytes);
        }

        internal static Entry OfShorts(ushort tag, params ushort[] values)
        {
            byte[] bytes = new byte[values.Length * 2];
            for (int i = 0; i < values.Length; i++)
            {
                BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(i * 2), values[i]);
            }

            return new(tag, Short, values.Length, bytes);
        }

        internal static Entry OfText(ushort tag, string text)
        {
            byte[] bytes = Encoding.ASCII.GetBytes(text + "\0");
            return new(tag, Ascii, bytes.Length, bytes);
        }

        /// <summary>Pixels per cm as 10^9 / (µm per pixel × 10^5): exact for sizes of up to five decimals, up to 0.04 m a pixel.</summary>
        internal static Entry OfResolution(ushort tag, double micronsPerPixel)
        {
            byte[] bytes = new byte[8];
            BinaryPrimitives.WriteUInt32LittleEndian(bytes, 1_000_000_000);
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4), checked((uint)Math.Max(1, Math.Round(micronsPerPixel * 1e5))));
            return new(tag, Rational, 1, bytes);
        }

        internal static Entry OfOffsets(ushort tag, long[] offsets)
        {
            byte[] bytes = new byte[checked(offsets.Length * 8)];
            for (int i = 0; i < offsets.Length; i++)
            {
                BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(i * 8), offsets[i]);
            }

            return new(tag, Long8, offsets.Length, bytes);
        }

        internal static Entry OfSizes(ushort tag, int[] sizes)
        {
            byte[] bytes = new byte[checked(sizes.Length * 4)];
            for (int i = 0; i < sizes.Length; i++)
            {
                BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(i * 4), sizes[i]);
            }

            return new(tag, Long, sizes.Length, bytes);
        }
    }
}
