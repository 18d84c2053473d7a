using System.Globalization;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using SlideMesh.Prediction.Bags;

namespace SlideMesh.Reporting.Features;

/// <summary>
/// CLAM's <c>pt_files/&lt;id&gt;.pt</c>: one plain float32 tensor [N, D] in the zip layout of <c>torch.save</c> (PyTorch 1.6 and
/// newer): a pickle that names the storage, and the storage's bytes, little endian. The pickle is a fixed text around four numbers.
/// </summary>
public static class TorchTensorFile
{
    private const int BlockRows = 4096;

    // The earliest time that a zip entry can hold: files must not depend on the clock.
    private static readonly DateTimeOffset Epoch = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static void Write(Stream destination, IFeatureBag bag)
    {
        ArgumentNullException.ThrowIfNull(destination);
        ArgumentNullException.ThrowIfNull(bag);
        using ZipArchive archive = new(destination, ZipArchiveMode.Create, leaveOpen: true);
        using (Stream pickle = Entry(archive, "archive/data.pkl"))
        {
            pickle.Write(Pickle(bag.Count, bag.Dimension));
        }

        using (Stream storage = Entry(archive, "archive/data/0"))
        {
            float[] block = new float[checked(BlockRows * bag.Dimension)];
            for (int start = 0; start < bag.Count; start += BlockRows)
            {
                int rows = Math.Min(BlockRows, bag.Count - start);
                Span<float> values = block.AsSpan(0, rows * bag.Dimension);
                bag.Read(start, rows, values);
                storage.Write(MemoryMarshal.AsBytes(values));
            }
        }

        using Stream version = Entry(archive, "archive/version");
        version.Write("3\n"u8);
    }

    private static Stream Entry(ZipArchive archive, string name)
    {
        ZipArchiveEntry entry = archive.CreateEntry(name, CompressionLevel.NoCompression);
        entry.LastWriteTime = Epoch;
        return entry.Open();
    }

    /// <summary>
    /// Protocol 2 of Python's pickle: <c>torch._utils._rebuild_tensor_v2(storage, 0, (N, D), (D, 1), False, OrderedDict())</c>, where the
    /// storage is the persistent id <c>('storage', torch.FloatStorage, '0', 'cpu', N·D)</c>.
    /// </summary>
    private static byte[] Pickle(int rows, int dimension)
    {
        using MemoryStream pickle = new();
        void Bytes(ReadOnlySpan<byte> bytes) => pickle.Write(bytes);
        void Global(string module, string name) => Bytes(Encoding.ASCII.GetBytes($"c{module}\n{name}\n"));
        void Text(string text)
        {
            Bytes("X"u8);
            Bytes(BitConverter.GetBytes(text.Length));
            Bytes(Encoding.ASCII.GetBytes(text));
        }

        // The text form of an integer, since N·D may need 64 bits.
        void Number(long value) => Bytes(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"I{value}\n")));

        Bytes([0x80, 2]);
        Global("torch._utils", "_rebuild_tensor_v2");
        Bytes("(("u8);
        Text("storage");
        Global("torch", "FloatStorage");
        Text("0");
        Text("cpu");
        Number((long)rows * dimension);
        Bytes("tQ"u8);
        Number(0);
        Bytes("("u8);
        Number(rows);
        Number(dimension);
        Bytes("t("u8);
        Number(dimension);
        Number(1);
        // False, then an empty OrderedDict, then the call.
        Bytes([(byte)'t', 0x89]);
        Global("collections", "OrderedDict");
        Bytes(")RtR."u8);
        return pickle.ToArray();
    }
}
