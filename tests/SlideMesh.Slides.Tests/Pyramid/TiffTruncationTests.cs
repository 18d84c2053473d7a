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

    private string Save(byte[] content)
    {
        string path = _folder.File("picture.tif");
        File.WriteAllBytes(path, content);
        return path;
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
