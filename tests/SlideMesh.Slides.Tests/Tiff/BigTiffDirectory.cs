using System.Buffers.Binary;
using System.Text;

namespace SlideMesh.Slides.Tests.Tiff;

/// <summary>An independent reading of a BigTIFF's directories, just enough to check what was written.</summary>
internal sealed class BigTiffDirectory
{
    private readonly Dictionary<ushort, (ushort Type, byte[] Data)> _entries = [];

    internal static List<BigTiffDirectory> ReadAll(byte[] file)
    {
        Assert.Equal("II"u8.ToArray(), file[..2]);
        Assert.Equal(43, BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(2)));
        Assert.Equal(8, BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(4)));
        List<BigTiffDirectory> directories = [];
        for (long at = BinaryPrimitives.ReadInt64LittleEndian(file.AsSpan(8)); at != 0;)
        {
            Assert.Equal(0, at % 8);
            BigTiffDirectory directory = new();
            long count = BinaryPrimitives.ReadInt64LittleEndian(file.AsSpan((int)at));
            ushort last = 0;
            for (int i = 0; i < count; i++)
            {
                Span<byte> slot = file.AsSpan((int)at + 8 + (i * 20), 20);
                ushort tag = BinaryPrimitives.ReadUInt16LittleEndian(slot);
                Assert.True(tag > last, $"tag {tag} is out of order");
                last = tag;
                ushort type = BinaryPrimitives.ReadUInt16LittleEndian(slot[2..]);
                int bytes = (int)BinaryPrimitives.ReadInt64LittleEndian(slot[4..]) * SizeOf(type);
                int from = bytes <= 8 ? (int)at + 8 + (i * 20) + 12 : (int)BinaryPrimitives.ReadInt64LittleEndian(slot[12..]);
                directory._entries.Add(tag, (type, file[from..(from + bytes)]));
            }

            directories.Add(directory);
            at = BinaryPrimitives.ReadInt64LittleEndian(file.AsSpan((int)at + 8 + ((int)count * 20)));
        }

        return directories;
    }

    internal bool Has(ushort tag) => _entries.ContainsKey(tag);

    internal long[] Values(ushort tag)
    {
        (ushort type, byte[] data) = _entries[tag];
        int size = SizeOf(type);
        return [.. Enumerable.Range(0, data.Length / size).Select(i => type switch
        {
            3 => BinaryPrimitives.ReadUInt16LittleEndian(data.AsSpan(i * size)),
            4 => BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan(i * size)),
            _ => BinaryPrimitives.ReadInt64LittleEndian(data.AsSpan(i * size)),
        })];
    }

    internal double Rational(ushort tag)
    {
        byte[] data = _entries[tag].Data;
        return BinaryPrimitives.ReadUInt32LittleEndian(data) / (double)BinaryPrimitives.ReadUInt32LittleEndian(data.AsSpan(4));
    }

    internal string Text(ushort tag) => Encoding.ASCII.GetString(_entries[tag].Data).TrimEnd('\0');

    private static int SizeOf(ushort type) => type switch
    {
        2 => 1,
        3 => 2,
        4 => 4,
        5 or 16 => 8,
        _ => throw new NotSupportedException($"TIFF type {type}"),
    };
}
