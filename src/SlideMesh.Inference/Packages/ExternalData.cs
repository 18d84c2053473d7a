using System.Text;

namespace SlideMesh.Inference.Packages;

/// <summary>Finds the files in which an ONNX graph keeps weights, without a reader for ONNX.</summary>
/// <remarks>
/// A tensor names its file by a key-value pair with the key <c>location</c> (onnx.proto, TensorProto.external_data). In protobuf's wire
/// format that is the bytes below, then a length and the name, as every known writer orders them. Weights that hold the same eleven
/// bytes by chance are not a worry: one in 2^88 for each byte of the file.
/// </remarks>
internal static class ExternalData
{
    private const int LongestName = 4096;

    private static ReadOnlySpan<byte> Pair => "\n\u0008location\u0012"u8;

    /// <returns>Each name once, in the order of the file.</returns>
    public static IReadOnlyList<string> Locations(Stream graph)
    {
        List<string> names = [];
        byte[] buffer = new byte[1 << 20];
        int held = 0;
        int read;
        while ((read = graph.Read(buffer, held, buffer.Length - held)) > 0)
        {
            held += read;

            // The end is looked at again together with what follows: a name may go on there.
            bool more = graph.Position < graph.Length;
            int end = more ? Math.Max(0, held - LongestName) : held;
            int start = Scan(buffer.AsSpan(0, held), end, names);
            buffer.AsSpan(start, held - start).CopyTo(buffer);
            held -= start;
        }

        return names;
    }

    /// <summary>Reads the names whose pairs begin before <paramref name="end"/>; gives back where the next look begins.</summary>
    private static int Scan(ReadOnlySpan<byte> bytes, int end, List<string> names)
    {
        int at = 0;
        while (at < end)
        {
            int found = bytes[at..].IndexOf(Pair);
            if (found < 0 || at + found >= end)
            {
                return end;
            }

            at += found + Pair.Length;
            if (Name(bytes[at..]) is { } name && !names.Contains(name))
            {
                names.Add(name);
            }
        }

        return at;
    }

    private static string? Name(ReadOnlySpan<byte> bytes)
    {
        // A varint of at most two bytes holds every length below 16,384.
        if (bytes.Length < 2)
        {
            return null;
        }

        (int length, int skip) = bytes[0] < 128 ? (bytes[0], 1) : (bytes[0] - 128 + (bytes[1] << 7), 2);
        return skip + length <= bytes.Length ? Encoding.UTF8.GetString(bytes.Slice(skip, length)) : null;
    }
}
