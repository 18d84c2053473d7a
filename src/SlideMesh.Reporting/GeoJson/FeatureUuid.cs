using System.Security.Cryptography;
using System.Text;

namespace SlideMesh.Reporting.GeoJson;

/// <summary>UUIDs (RFC 9562, version 8) made from a SHA-256, so that the same object has the same id in every run.</summary>
internal static class FeatureUuid
{
    public static Guid For(string slide, string kind, long index, long x, long y)
    {
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes($"slidemesh\n{slide}\n{kind}\n{index}\n{x}\n{y}"));
        Span<byte> id = hash.AsSpan(0, 16);
        id[6] = (byte)((id[6] & 0x0F) | 0x80);
        id[8] = (byte)((id[8] & 0x3F) | 0x80);
        return new Guid(id, bigEndian: true);
    }
}
