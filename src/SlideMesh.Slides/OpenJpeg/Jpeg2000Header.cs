using System.Buffers.Binary;

namespace SlideMesh.Slides.OpenJpeg;

/// <summary>
/// The beginning of a JPEG 2000 codestream (ITU-T T.800, annex A), read before a decoder takes memory for it: OpenJPEG allocates by
/// the number of tiles and components that a stream declares.
/// </summary>
/// <param name="Width">Reference grid, pixels, as <paramref name="Height"/>.</param>
/// <param name="Decompositions">Wavelet decompositions: how often the picture can be halved.</param>
/// <param name="IsReversible">The 5/3 wavelet instead of the 9/7.</param>
internal readonly record struct Jpeg2000Header(int Width, int Height, int Decompositions, bool IsReversible)
{
    private const int MaxTiles = 64;
    private const int MaxEdge = 1 << 15;
    private const ushort Soc = 0xFF4F;
    private const ushort Siz = 0xFF51;
    private const ushort Cod = 0xFF52;
    private const ushort Sot = 0xFF90;
    private const int SizBody = 36;

    /// <returns>Null for anything but three components of 8 bits without a sign, the colour components at full or half resolution.</returns>
    public static Jpeg2000Header? Read(ReadOnlySpan<byte> stream)
    {
        if (stream.Length < 6 || Marker(stream, 0) != Soc || Marker(stream, 2) != Siz || ReadSize(stream) is not (int width, int height))
        {
            return null;
        }

        for (int at = 2; at + 4 <= stream.Length && Marker(stream, at) != Sot;)
        {
            int length = Marker(stream, at + 2);
            if (Marker(stream, at) < 0xFF00 || length < 2 || at + 2 + length > stream.Length)
            {
                return null;
            }

            // Scod, SGcod (progression, layers, transform), then decompositions, block width, height, style, wavelet.
            if (Marker(stream, at) == Cod && length >= 12)
            {
                return stream[at + 9] <= 32 ? new Jpeg2000Header(width, height, stream[at + 9], stream[at + 13] == 1) : null;
            }

            at += 2 + length;
        }

        return null;
    }

    private static (int Width, int Height)? ReadSize(ReadOnlySpan<byte> stream)
    {
        // Behind marker and length: Rsiz, then eight numbers of four bytes, then the components.
        if (stream.Length < 4 + SizBody + 9 || Marker(stream, 4 + SizBody) != 3)
        {
            return null;
        }

        ReadOnlySpan<byte> body = stream[8..];
        (uint width, uint height) = (Number(body, 0), Number(body, 1));
        (uint tileWidth, uint tileHeight) = (Number(body, 4), Number(body, 5));
        bool startsAtZero = Number(body, 2) == 0 && Number(body, 3) == 0 && Number(body, 6) == 0 && Number(body, 7) == 0;
        if (!startsAtZero || width is 0 or > MaxEdge || height is 0 or > MaxEdge || tileWidth == 0 || tileHeight == 0
            || (long)((width + (ulong)tileWidth - 1) / tileWidth) * (long)((height + (ulong)tileHeight - 1) / tileHeight) > MaxTiles)
        {
            return null;
        }

        for (int i = 0; i < 3; i++)
        {
            ReadOnlySpan<byte> component = stream.Slice(6 + SizBody + (i * 3), 3);
            bool isFull = component[1] == 1 && component[2] == 1;
            if (component[0] != 7 || !(isFull || (i > 0 && component[1] is 1 or 2 && component[2] is 1 or 2)))
            {
                return null;
            }
        }

        return ((int)width, (int)height);
    }

    private static ushort Marker(ReadOnlySpan<byte> stream, int at) => BinaryPrimitives.ReadUInt16BigEndian(stream[at..]);

    private static uint Number(ReadOnlySpan<byte> body, int index) => BinaryPrimitives.ReadUInt32BigEndian(body[(index * 4)..]);
}
