using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using SlideMesh.Prediction.Bags;

namespace SlideMesh.Reporting.Features;

/// <summary>
/// Writes a slide's features as CLAM's <c>pt_files/&lt;id&gt;.pt</c>: one float32 tensor [N, D] as <c>torch.load</c> reads it. The format
/// (PyTorch's serialization notes) is an uncompressed zip of a pickle that names the tensor's shape, and the raw numbers.
/// </summary>
public static class TorchTensorFile
{
    private const int BlockRows = 1024;

    // Zip entries need a date; the earliest that the format can hold.
    private static readonly DateTimeOffset NoDate = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <param name="destination">Seekable; stays open.</param>
    public static void Write(Stream destination, IFeatureBag bag)
    {
        ArgumentNullException.ThrowIfNull(destination);
        ArgumentNullException.ThrowIfNull(bag);
        using ZipArchive zip = new(destination, ZipArchiveMode.Create, leaveOpen: true);
        using (Stream pickle = Open(zip, "archive/data.pkl"))
        {
            pickle.Write(Pickle(bag.Count, bag.Dimension));
        }

        using (Stream data = Open(zip, "archive/data/0"))
        {
            float[] block = new float[Math.Min(BlockRows, Math.Max(1, bag.Count)) * bag.Dimension];
            for (int start = 0; start < bag.Count; start += BlockRows)
            {
                int rows = Math.Min(BlockRows, bag.Count - start);
                bag.Read(start, rows, block);
                Span<float> values = block.AsSpan(0, rows * bag.Dimension);
                Span<int> bits = MemoryMarshal.Cast<float, int>(values);
                if (!BitConverter.IsLittleEndian)
                {
                    BinaryPrimitives.ReverseEndianness(bits, bits);
                }

                data.Write(MemoryMarshal.AsBytes(bits));
            }
        }

        using Stream version = Open(zip, "archive/version");
        version.Write("3\n"u8);
    }

    private static Stream Open(ZipArchive zip, string name)
    {
        ZipArchiveEntry entry = zip.CreateEntry(name, CompressionLevel.NoCompression);
        entry.LastWriteTime = NoDate;
        return entry.Open();
    }

    /// <summary>Pickle protocol 2 of <c>_rebuild_tensor_v2(storage, 0, (N, D), (D, 1), False, OrderedDict())</c>.</summary>
    private static byte[] Pickle(int rows, int columns)
    {
        const byte Mark = (byte)'(', Tuple = (byte)'t', Reduce = (byte)'R', NewFalse = 0x89, EmptyTuple = (byte)')';
        const byte PersistentId = (byte)'Q', Stop = (byte)'.';
        using MemoryStream pickle = new();
        pickle.Write([0x80, 2]);
        Global("torch._utils", "_rebuild_tensor_v2");
        pickle.WriteByte(Mark);
        pickle.WriteByte(Mark);
        Text("storage");
        Global("torch", "FloatStorage");
        Text("0");
        Text("cpu");
        Integer((long)rows * columns);
        pickle.WriteByte(Tuple);
        pickle.WriteByte(PersistentId);
        Integer(0);
        pickle.WriteByte(Mark);
        Integer(rows);
        Integer(columns);
        pickle.WriteByte(Tuple);
        pickle.WriteByte(Mark);
        Integer(columns);
        Integer(1);
        pickle.WriteByte(Tuple);
        pickle.WriteByte(NewFalse);
        Global("collections", "OrderedDict");
        pickle.WriteByte(EmptyTuple);
        pickle.WriteByte(Reduce);
        pickle.WriteByte(Tuple);
        pickle.WriteByte(Reduce);
        pickle.WriteByte(Stop);
        return pickle.ToArray();

        void Global(string module, string name) => pickle.Write(Encoding.ASCII.GetBytes($"c{module}\n{name}\n"));

        void Text(string text)
        {
            Span<byte> length = stackalloc byte[4];
            BinaryPrimitives.WriteInt32LittleEndian(length, text.Length);
            pickle.WriteByte((byte)'X');
            pickle.Write(length);
            pickle.Write(Encoding.ASCII.GetBytes(text));
        }

        void Integer(long value)
        {
            Span<byte> bytes = stackalloc byte[10];
            bytes[0] = 0x8A;
            bytes[1] = 8;
            BinaryPrimitives.WriteInt64LittleEndian(bytes[2..], value);
            pickle.Write(bytes);
        }
    }
}
