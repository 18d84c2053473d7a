using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Unicode;

namespace SlideMesh.Reporting.GeoJson;

/// <summary>UUIDs (RFC 9562, version 8) made from a SHA-256, so that the same object has the same id in every run.</summary>
internal static class FeatureUuid
{
    private const int StackBytes = 512;

    /// <summary>The first line, three numbers of at most 20 digits and sign, and the ends of lines.</summary>
    private const int NumbersBytes = 80;

    public static Guid For(string slide, string kind, long index, long x, long y)
    {
        // Once a tile and map: on the stack unless a name is very long.
        int most = NumbersBytes + Encoding.UTF8.GetMaxByteCount(slide.Length + kind.Length);
        Span<byte> text = most <= StackBytes ? stackalloc byte[StackBytes] : new byte[most];
        _ = Utf8.TryWrite(text, CultureInfo.InvariantCulture, $"slidemesh\n{slide}\n{kind}\n{index}\n{x}\n{y}", out int length);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(text[..length], hash);
        Span<byte> id = hash[..16];
        id[6] = (byte)((id[6] & 0x0F) | 0x80);
        id[8] = (byte)((id[8] & 0x3F) | 0x80);
        return new Guid(id, bigEndian: true);
    }
}
