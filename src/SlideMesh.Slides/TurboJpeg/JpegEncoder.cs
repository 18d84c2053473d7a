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
        int capacity = checked((int)TurboJpegNative.tjBufSize(width, height, (int)Subsampling).Value);
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

    public void Dispose() => _handle.Dispose();

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
