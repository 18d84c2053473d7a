using System.Buffers;

namespace SlideMesh.Synth.Painting;

/// <summary>Amounts of haematoxylin and eosin of a rectangle of the slide. Rented: dispose returns the arrays.</summary>
internal readonly ref struct StainPlanes : IDisposable
{
    private readonly byte[] _h;
    private readonly byte[] _e;

    internal StainPlanes(int x, int y, int width, int height)
    {
        (X, Y, Width, Height) = (x, y, width, height);
        _h = ArrayPool<byte>.Shared.Rent(width * height);
        _e = ArrayPool<byte>.Shared.Rent(width * height);
    }

    internal int X { get; }

    internal int Y { get; }

    internal int Width { get; }

    internal int Height { get; }

    internal Span<byte> H => _h.AsSpan(0, Width * Height);

    internal Span<byte> E => _e.AsSpan(0, Width * Height);

    /// <summary>The part of a box that lies within the planes, in plane coordinates; empty when <c>Right &lt;= Left</c>.</summary>
    internal (int Left, int Top, int Right, int Bottom) Clip(float x, float y, float reachX, float reachY) => (
        Math.Max(0, (int)MathF.Floor(x - reachX) - X), Math.Max(0, (int)MathF.Floor(y - reachY) - Y),
        Math.Min(Width, (int)MathF.Ceiling(x + reachX) + 1 - X), Math.Min(Height, (int)MathF.Ceiling(y + reachY) + 1 - Y));

    /// <summary>Mean of a square around every pixel, twice, with the edge repeated.</summary>
    internal void Blur(int radius)
    {
        byte[] scratch = ArrayPool<byte>.Shared.Rent(Math.Max(Width, Height));
        foreach (byte[] plane in (ReadOnlySpan<byte[]>)[_h, _e])
        {
            for (int pass = 0; pass < 2; pass++)
            {
                for (int row = 0; row < Height; row++)
                {
                    BlurLine(plane, row * Width, 1, Width, radius, scratch);
                }

                for (int column = 0; column < Width; column++)
                {
                    BlurLine(plane, column, Width, Height, radius, scratch);
                }
            }
        }

        ArrayPool<byte>.Shared.Return(scratch);
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_h);
        ArrayPool<byte>.Shared.Return(_e);
    }

    private static void BlurLine(byte[] plane, int start, int step, int length, int radius, byte[] scratch)
    {
        int sum = 0;
        for (int i = -radius; i <= radius; i++)
        {
            sum += plane[start + (Math.Clamp(i, 0, length - 1) * step)];
        }

        int window = (2 * radius) + 1;
        for (int i = 0; i < length; i++)
        {
            scratch[i] = (byte)((sum + radius) / window);
            sum += plane[start + (Math.Min(i + radius + 1, length - 1) * step)] - plane[start + (Math.Max(i - radius, 0) * step)];
        }

        for (int i = 0; i < length; i++)
        {
            plane[start + (i * step)] = scratch[i];
        }
    }
}
