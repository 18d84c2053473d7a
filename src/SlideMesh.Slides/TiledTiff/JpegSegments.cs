using System.Buffers.Binary;

namespace SlideMesh.Slides.TiledTiff;

/// <summary>
/// The marker segments of a JPEG in front of its pixels (ITU-T T.81, annex B). Only what can be decoded without any doubt
/// passes: baseline or extended sequential Huffman coding, 8 bits, three components in one scan, every table that the scan
/// uses defined in the stream. The last matters because a decoder that is used again keeps the tables of the tile before.
/// </summary>
internal static class JpegSegments
{
    private const byte Sof0 = 0xC0;
    private const byte Sof1 = 0xC1;
    private const byte Dht = 0xC4;
    private const byte Soi = 0xD8;
    private const byte Eoi = 0xD9;
    private const byte Sos = 0xDA;
    private const byte Dqt = 0xDB;
    private const byte Dri = 0xDD;
    private const byte App0 = 0xE0;
    private const byte App14 = 0xEE;
    private const byte App15 = 0xEF;
    private const byte Comment = 0xFE;

    /// <summary>Tables that a stream defines, a bit each.</summary>
    internal readonly record struct Tables(int Quantization, int Dc, int Ac);

    /// <summary>
    /// What goes in front of every tile instead of its SOI: SOI, an Adobe marker that names the colour transform (libjpeg-turbo
    /// would otherwise guess it from the component ids), and the quantization and Huffman tables of tag 347.
    /// </summary>
    /// <param name="tables">Content of tag 347; empty when the tiles carry their own.</param>
    /// <returns>Null when <paramref name="tables"/> hold anything but tables.</returns>
    public static byte[]? Prefix(ReadOnlySpan<byte> tables, bool isYCbCr, out Tables defined)
    {
        defined = default;
        List<byte> prefix =
        [
            0xFF, Soi,
            0xFF, App14, 0, 14, (byte)'A', (byte)'d', (byte)'o', (byte)'b', (byte)'e', 0, 100, 0, 0, 0, 0, (byte)(isYCbCr ? 1 : 0),
        ];
        if (tables.IsEmpty)
        {
            return [.. prefix];
        }

        int at = 2;
        if (tables.Length < 4 || tables[0] != 0xFF || tables[1] != Soi)
        {
            return null;
        }

        while (TryNext(tables, ref at, out byte marker, out ReadOnlySpan<byte> body))
        {
            if (marker == Eoi)
            {
                return [.. prefix];
            }

            if (marker is not (Dqt or Dht) || !Define(marker, body, ref defined))
            {
                return null;
            }

            prefix.AddRange(tables[(at - body.Length - 4)..at]);
        }

        return null;
    }

    /// <summary>Checks a tile and hides its own JFIF and Adobe markers, so that only those of the prefix count.</summary>
    /// <param name="jpeg">A whole tile, from its SOI; markers APP0 and APP14 are renamed to APP15, which decoders skip.</param>
    /// <param name="isSubsampled">The colour components have a lower resolution than brightness.</param>
    public static bool CheckAndHideColourMarkers(Span<byte> jpeg, int width, int height, Tables defined, out bool isSubsampled)
    {
        isSubsampled = false;
        int at = 2;
        if (jpeg.Length < 4 || jpeg[0] != 0xFF || jpeg[1] != Soi)
        {
            return false;
        }

        Span<byte> frame = default;
        while (TryNext(jpeg, ref at, out byte marker, out ReadOnlySpan<byte> body))
        {
            switch (marker)
            {
                case App0 or App14:
                    if (!IsColourMarkerSound(marker, body))
                    {
                        return false;
                    }

                    jpeg[at - body.Length - 3] = App15;
                    break;
                case Dqt or Dht:
                    if (!Define(marker, body, ref defined))
                    {
                        return false;
                    }

                    break;
                case Sof0 or Sof1:
                    if (!frame.IsEmpty || !IsFrame(body, width, height))
                    {
                        return false;
                    }

                    frame = jpeg.Slice(at - body.Length, body.Length);
                    break;
                case Sos:
                    isSubsampled = !frame.IsEmpty && frame[7] != 0x11;
                    return IsOnlyScan(frame, body, defined);
                case Dri or Comment or (> App0 and <= App15):
                    break;
                default:
                    return false;
            }
        }

        return false;
    }

    /// <summary>False for what libjpeg warns of; OpenSlide takes warnings for errors, and a hidden marker would warn no more.</summary>
    private static bool IsColourMarkerSound(byte marker, ReadOnlySpan<byte> body) =>
        marker == App0
            ? !body.StartsWith("JFIF\0"u8) || (body.Length >= 14 && body[5] == 1)
            : !body.StartsWith("Adobe"u8) || (body.Length >= 12 && body[11] <= 1);

    /// <summary>Steps over one segment; its body is empty at EOI.</summary>
    private static bool TryNext(ReadOnlySpan<byte> jpeg, ref int at, out byte marker, out ReadOnlySpan<byte> body)
    {
        marker = 0;
        body = default;
        if (at + 2 > jpeg.Length || jpeg[at] != 0xFF)
        {
            return false;
        }

        marker = jpeg[at + 1];
        if (marker == Eoi)
        {
            at += 2;
            return true;
        }

        if (marker < Sof0 || at + 4 > jpeg.Length)
        {
            return false;
        }

        int length = BinaryPrimitives.ReadUInt16BigEndian(jpeg[(at + 2)..]);
        if (length < 2 || at + 2 + length > jpeg.Length)
        {
            return false;
        }

        body = jpeg.Slice(at + 4, length - 2);
        at += 2 + length;
        return true;
    }

    private static bool Define(byte marker, ReadOnlySpan<byte> body, ref Tables tables)
    {
        while (!body.IsEmpty)
        {
            int high = body[0] >> 4;
            int low = body[0] & 15;
            int size = 1 + (marker == Dqt ? 64 * (high + 1) : 16);
            if (high > 1 || low > 3 || body.Length < size)
            {
                return false;
            }

            if (marker == Dqt)
            {
                tables = tables with { Quantization = tables.Quantization | (1 << low) };
            }
            else
            {
                for (int i = 1; i <= 16; i++)
                {
                    size += body[i];
                }

                if (body.Length < size)
                {
                    return false;
                }

                tables = high == 0 ? tables with { Dc = tables.Dc | (1 << low) } : tables with { Ac = tables.Ac | (1 << low) };
            }

            body = body[size..];
        }

        return true;
    }

    /// <summary>Three components of 8 bits; brightness at 1 × 1, 2 × 1 or 2 × 2 of the colour components.</summary>
    private static bool IsFrame(ReadOnlySpan<byte> body, int width, int height) =>
        body.Length == 15
        && body[0] == 8
        && BinaryPrimitives.ReadUInt16BigEndian(body[1..]) == height
        && BinaryPrimitives.ReadUInt16BigEndian(body[3..]) == width
        && body[5] == 3
        && body[6] != body[9] && body[6] != body[12] && body[9] != body[12]
        && body[7] is 0x11 or 0x21 or 0x22
        && body[10] == 0x11
        && body[13] == 0x11;

    private static bool IsOnlyScan(ReadOnlySpan<byte> frame, ReadOnlySpan<byte> scan, Tables defined)
    {
        if (frame.IsEmpty || scan.Length != 10 || scan[0] != 3 || scan[7] != 0 || scan[8] != 63 || scan[9] != 0)
        {
            return false;
        }

        for (int i = 0; i < 3; i++)
        {
            int quantization = frame[8 + (i * 3)];
            int dc = scan[2 + (i * 2)] >> 4;
            int ac = scan[2 + (i * 2)] & 15;
            if (scan[1 + (i * 2)] != frame[6 + (i * 3)]
                || quantization > 3 || dc > 3 || ac > 3
                || (defined.Quantization >> quantization & defined.Dc >> dc & defined.Ac >> ac & 1) == 0)
            {
                return false;
            }
        }

        return true;
    }
}
