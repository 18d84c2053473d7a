using System.Runtime.InteropServices;
using SlideMesh.Slides.Raster;

namespace SlideMesh.Slides.TurboJpeg;

/// <summary>
/// Decodes JPEG to RGB with libjpeg-turbo (accurate integer DCT, smooth chroma upsampling: its defaults, which are libtiff's too).
/// Not thread-safe: one decoder a thread. Dispose frees the native instance.
/// </summary>
public sealed class JpegDecoder : IDisposable
{
    private readonly TurboJpegHandle _handle = TurboJpegHandle.ForDecompression();

    /// <summary>Size of the picture in pixels, without decoding it.</summary>
    /// <exception cref="JpegException">Not a JPEG, or a damaged header.</exception>
    public unsafe (int Width, int Height) ReadSize(ReadOnlySpan<byte> jpeg)
    {
        fixed (byte* source = jpeg)
        {
            int result = TurboJpegNative.tjDecompressHeader3(
                _handle, source, new CULong((uint)jpeg.Length), out int width, out int height, out _, out _);
            TurboJpegNative.Check(result, _handle, "read the JPEG header");
            return (width, height);
        }
    }

    /// <exception cref="JpegException">Not a JPEG, or damaged.</exception>
    public RgbImage Decode(ReadOnlySpan<byte> jpeg)
    {
        (int width, int height) = ReadSize(jpeg);
        RgbImage image = new(width, height);
        Decode(jpeg, image.Pixels, width, height);
        return image;
    }

    /// <summary>
    /// Decodes at full size, or at a size that libjpeg-turbo scales to while decoding: ⌈edge / 2⌉, ⌈edge / 4⌉ or ⌈edge / 8⌉.
    /// </summary>
    /// <param name="rgb">Destination, row-major RGB, at least width × height × 3 bytes; owned by the caller.</param>
    /// <param name="width">Width wanted, pixels; the largest of libjpeg-turbo's scaled sizes that fits must be exactly this.</param>
    /// <param name="height">Height wanted, pixels.</param>
    /// <exception cref="JpegException">Not a JPEG, or damaged.</exception>
    public unsafe void Decode(ReadOnlySpan<byte> jpeg, Span<byte> rgb, int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfLessThan(rgb.Length, checked(width * height * 3), nameof(rgb));
        fixed (byte* source = jpeg)
        fixed (byte* target = rgb)
        {
            int result = TurboJpegNative.tjDecompress2(
                _handle, source, new CULong((uint)jpeg.Length), target, width, width * 3, height, TurboJpegNative.TJPF_RGB, 0);
            TurboJpegNative.Check(result, _handle, "decode the JPEG");
        }
    }

    /// <summary>Decodes into a part of a larger picture, at full size or at 1/2, 1/4 or 1/8 of it.</summary>
    /// <param name="rgb">Destination of the first pixel; rows lie <paramref name="strideBytes"/> apart.</param>
    /// <param name="width">Width wanted, pixels; the caller has checked against the header that the JPEG has it times 1, 2, 4 or 8.</param>
    /// <param name="height">Height wanted, pixels; the same factor.</param>
    /// <returns>False when libjpeg-turbo refused or warned; <paramref name="rgb"/> then holds anything.</returns>
    public unsafe bool TryDecode(ReadOnlySpan<byte> jpeg, Span<byte> rgb, int width, int height, int strideBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfLessThan(strideBytes, checked(width * 3));
        ArgumentOutOfRangeException.ThrowIfLessThan(rgb.Length, checked((strideBytes * (height - 1)) + (width * 3)), nameof(rgb));
        fixed (byte* source = jpeg)
        fixed (byte* target = rgb)
        {
            return TurboJpegNative.tjDecompress2(
                _handle, source, new CULong((uint)jpeg.Length), target, width, strideBytes, height, TurboJpegNative.TJPF_RGB, 0) == 0;
        }
    }

    /// <summary>
    /// Decodes a JPEG whose three components have one resolution into one plane for each, without any colour transform, at full size or at
    /// 1/2, 1/4 or 1/8 of it. For RGB that saves libjpeg-turbo's own way of putting pixels together, 12 % of its time.
    /// </summary>
    /// <param name="planes">Three planes one after the other, each width × height bytes.</param>
    /// <param name="width">Width wanted, pixels; the caller has checked against the header that the JPEG has it times 1, 2, 4 or 8, and no subsampling.</param>
    /// <param name="height">Height wanted, pixels; the same factor.</param>
    /// <returns>False when libjpeg-turbo refused or warned; <paramref name="planes"/> then holds anything.</returns>
    public unsafe bool TryDecodePlanes(ReadOnlySpan<byte> jpeg, Span<byte> planes, int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfLessThan(planes.Length, checked(width * height * 3), nameof(planes));
        fixed (byte* source = jpeg)
        fixed (byte* target = planes)
        {
            byte** starts = stackalloc byte*[] { target, target + (width * height), target + (2 * width * height) };
            int* strides = stackalloc int[] { width, width, width };
            return TurboJpegNative.tjDecompressToYUVPlanes(_handle, source, new CULong((uint)jpeg.Length), starts, width, strides, height, 0) == 0;
        }
    }

    public void Dispose() => _handle.Dispose();
}
