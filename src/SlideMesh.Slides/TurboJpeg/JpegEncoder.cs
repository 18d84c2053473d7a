using System.Buffers;
using System.Runtime.InteropServices;
using SlideMesh.Slides.Raster;

namespace SlideMesh.Slides.TurboJpeg;

/// <summary>
/// Encodes RGB as baseline JPEG (JFIF, YCbCr) with libjpeg-turbo. The same pixels and settings give the same bytes.
/// Not thread-safe: one encoder a thread. Dispose frees the native instance.
/// </summary>
public sealed class JpegEncoder : IDisposable
{
    // The bound on a JPEG's size is about that of its pixels, tenfold what it is. A tile's buffer is lent again and again; one for a picture
    // of 2,048 x 2,048 pixels would keep 16 MB for the rest of the process, so that libjpeg-turbo grows its own there.
    private const int LargestLentBytes = 1 << 20;

    private readonly TurboJpegHandle _handle = TurboJpegHandle.ForCompression();

    /// <param name="quality">1 to 100.</param>
    public JpegEncoder(int quality = 85, JpegSubsampling subsampling = JpegSubsampling.Both)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(quality, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(quality, 100);
        Quality = quality;
        Subsampling = subsampling;
    }

    public int Quality { get; }

    public JpegSubsampling Subsampling { get; }

    /// <exception cref="JpegException">libjpeg-turbo refused.</exception>
    public byte[] Encode(RgbImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return Encode(image.Pixels, image.Width, image.Height);
    }

    /// <param name="rgb">Row-major RGB, at least width × height × 3 bytes.</param>
    /// <exception cref="JpegException">libjpeg-turbo refused.</exception>
    public byte[] Encode(ReadOnlySpan<byte> rgb, int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfLessThan(rgb.Length, checked(width * height * 3), nameof(rgb));
        long bound = checked((long)TurboJpegNative.tjBufSize(width, height, (int)Subsampling).Value);
        return bound > LargestLentBytes ? EncodeLarge(rgb, width, height) : EncodeLent(rgb, width, height, checked((int)bound));
    }

    public void Dispose() => _handle.Dispose();

    private byte[] EncodeLent(ReadOnlySpan<byte> rgb, int width, int height, int capacity)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(capacity);
        try
        {
            return buffer.AsSpan(0, EncodeInto(buffer, rgb, width, height)).ToArray();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private unsafe byte[] EncodeLarge(ReadOnlySpan<byte> rgb, int width, int height)
    {
        byte* jpeg = null;
        CULong size = default;
        try
        {
            fixed (byte* source = rgb)
            {
                int result = TurboJpegNative.tjCompress2(
                    _handle, source, width, width * 3, height, TurboJpegNative.TJPF_RGB, &jpeg, &size, (int)Subsampling, Quality, flags: 0);
                TurboJpegNative.Check(result, _handle, $"encode {width} x {height} pixels");
            }

            return new ReadOnlySpan<byte>(jpeg, checked((int)size.Value)).ToArray();
        }
        finally
        {
            TurboJpegNative.tjFree(jpeg);
        }
    }

    private unsafe int EncodeInto(byte[] buffer, ReadOnlySpan<byte> rgb, int width, int height)
    {
        fixed (byte* source = rgb)
        fixed (byte* target = buffer)
        {
            byte* jpeg = target;
            CULong size = new((uint)buffer.Length);
            int result = TurboJpegNative.tjCompress2(
                _handle, source, width, width * 3, height, TurboJpegNative.TJPF_RGB, &jpeg, &size, (int)Subsampling, Quality, TurboJpegNative.TJFLAG_NOREALLOC);
            TurboJpegNative.Check(result, _handle, $"encode {width} x {height} pixels");
            return checked((int)size.Value);
        }
    }
}
