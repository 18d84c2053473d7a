using System.Buffers.Binary;
using SlideMesh.Slides.Pyramid;

namespace SlideMesh.Slides.Tests.Pyramid;

public sealed class TiffTruncationTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Directory_in_front_of_missing_pixels_is_found(bool littleEndian)
    {
        byte[] whole = ClassicTiff(littleEndian, pixelsAt: 200, pixelBytes: 50);
        Assert.Null(TiffTruncation.Find(Save(whole)));
        Assert.Contains("250 bytes", TiffTruncation.Find(Save(whole[..249])), StringComparison.Ordinal);
    }

    [Fact]
    public void Directory_cut_in_the_middle_is_found() =>
        Assert.NotNull(TiffTruncation.Find(Save(ClassicTiff(littleEndian: true, pixelsAt: 200, pixelBytes: 50)[..20])));

    [Fact]
    public void Left_out_tiles_are_not_missing() =>
        Assert.Null(TiffTruncation.Find(Save(ClassicTiff(littleEndian: true, pixelsAt: 0, pixelBytes: 5000))));

    [Fact]
    public void Other_formats_are_left_alone() => Assert.Null(TiffTruncation.Find(Save([1, 2, 3, 4, 5])));

    [Theory]
    [InlineData(0x4000000000000001UL, 200UL, 50UL)]
    [InlineData(0x2000000000000001UL, 200UL, 50UL)]
    [InlineData(ulong.MaxValue, 200UL, 50UL)]
    [InlineData(40UL, 200UL, 50UL)]
    [InlineData(1UL, 0x8000000000000000UL, 50UL)]
    [InlineData(1UL, ulong.MaxValue, ulong.MaxValue)]
    [InlineData(1UL, 200UL, 0x7FFFFFFFFFFFFFFFUL)]
    [InlineData(2UL, 0xFFFFFFFFFFFFFFF0UL, 50UL)]
    public void Hostile_count_or_offset_is_found_and_never_followed(ulong count, ulong offset, ulong bytes) =>
        Assert.NotNull(TiffTruncation.Find(Save(BigTiff(16, count, offset, bytes, next: 0))));

    [Theory]
    [InlineData(0x8000000000000000UL)]
    [InlineData(ulong.MaxValue)]
    [InlineData(250UL)]
    public void Directory_beyond_the_end_is_found(ulong at)
    {
        Assert.NotNull(TiffTruncation.Find(Save(BigTiff(at, 1, 200, 50, next: 0))));
        Assert.NotNull(TiffTruncation.Find(Save(BigTiff(16, 1, 200, 50, next: at))));
    }

    [Fact]
    public void Cycle_of_directories_ends() => Assert.Null(TiffTruncation.Find(Save(BigTiff(16, 1, 200, 50, next: 16))));

    private string Save(byte[] content)
    {
        string path = _folder.File("picture.tif");
        File.WriteAllBytes(path, content);
        return path;
    }

    /// <summary>Header, one directory at 16 with two entries of 64-bit numbers (strip offset and byte count), then pixels; 250 bytes.</summary>
    private static byte[] BigTiff(ulong directory, ulong count, ulong offset, ulong bytes, ulong next)
    {
        using MemoryStream file = new(new byte[250]);
        using BinaryWriter writer = new(file);
        writer.Write("II"u8);
        writer.Write((ushort)43);
        writer.Write((ushort)8);
        writer.Write((ushort)0);
        writer.Write(directory);
        writer.Write(2UL);
        foreach ((ushort tag, ulong value) in (ReadOnlySpan<(ushort, ulong)>)[(273, offset), (279, bytes)])
        {
            writer.Write(tag);
            writer.Write((ushort)16);
            writer.Write(count);
            writer.Write(value);
        }

        writer.Write(next);
        return file.ToArray();
    }

    /// <summary>Header, one directory with two entries (strip offset and byte count), then pixels.</summary>
    private static byte[] ClassicTiff(bool littleEndian, uint pixelsAt, uint pixelBytes)
    {
        var file = new byte[250];
        int at = 0;
        file[at++] = (byte)(littleEndian ? 'I' : 'M');
        file[at++] = file[0];
        Short(42);
        Long(8);
        Short(2);
        Entry(273, pixelsAt);
        Entry(279, pixelBytes);
        Long(0);
        return file;

        void Entry(ushort tag, uint value)
        {
            Short(tag);
            Short(4);
            Long(1);
            Long(value);
        }

        void Short(ushort value)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(at), littleEndian ? value : BinaryPrimitives.ReverseEndianness(value));
            at += 2;
        }

        void Long(uint value)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at), littleEndian ? value : BinaryPrimitives.ReverseEndianness(value));
            at += 4;
        }
    }
}
