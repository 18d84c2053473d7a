using System.Runtime.InteropServices;
using SlideMesh.Slides.Native;
using static SlideMesh.Slides.OpenJpeg.OpenJpegNative;

namespace SlideMesh.Slides.OpenJpeg;

/// <summary>
/// Decodes JPEG 2000 codestreams of three components to RGB with OpenJPEG, at full size or by leaving out the finest resolutions.
/// Thread-safe: every call has its own codec. Native memory is freed before a call returns.
/// </summary>
internal static unsafe class Jpeg2000Decoder
{
    /// <summary>Larger than most tiles, so that the library fetches a tile in one go.</summary>
    private const int StreamBufferBytes = 64 << 10;

    /// <summary>The library is there; its absence shows at the opening of a slide instead of at its first tile.</summary>
    /// <exception cref="NativeLibraryUnavailableException">It is missing.</exception>
    public static void EnsureLoaded() => OpenJpegNative.EnsureLoaded();

    /// <param name="isYCbCr">The components are brightness and colour differences (full range, BT.601), not red, green and blue.</param>
    /// <param name="halvings">Decompositions left out; the stream must have as many.</param>
    /// <param name="rgb">Destination of the first pixel; rows lie <paramref name="strideBytes"/> apart.</param>
    /// <param name="width">Width wanted, pixels: that of the stream, halved so often.</param>
    /// <param name="height">Height wanted, pixels.</param>
    /// <returns>False when the stream is damaged, or of another size or kind; <paramref name="rgb"/> then holds anything.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> stream, bool isYCbCr, int halvings, Span<byte> rgb, int width, int height, int strideBytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(strideBytes, checked(width * 3));
        ArgumentOutOfRangeException.ThrowIfLessThan(rgb.Length, checked((strideBytes * (height - 1)) + (width * 3)), nameof(rgb));
        if (Jpeg2000Header.Read(stream) is not { } header
            || header.Width != (long)width << halvings || header.Height != (long)height << halvings || header.Decompositions < halvings)
        {
            return false;
        }

        OpenJpegNative.EnsureLoaded();
        fixed (byte* data = stream)
        {
            StreamState state = new() { Data = data, Length = stream.Length };
            opj_image* image = null;
            nint codec = opj_create_decompress(OPJ_CODEC_J2K);
            nint input = opj_stream_create(StreamBufferBytes, 1);
            try
            {
                return codec != 0 && input != 0
                    && TryDecode(codec, input, &state, halvings, ref image)
                    && TryConvert(image, isYCbCr, rgb, width, height, strideBytes);
            }
            finally
            {
                if (image is not null)
                {
                    opj_image_destroy(image);
                }

                if (input != 0)
                {
                    opj_stream_destroy(input);
                }

                if (codec != 0)
                {
                    opj_destroy_codec(codec);
                }
            }
        }
    }

    private static bool TryDecode(nint codec, nint input, StreamState* state, int halvings, ref opj_image* image)
    {
        opj_stream_set_read_function(input, &Read);
        opj_stream_set_skip_function(input, &Skip);
        opj_stream_set_seek_function(input, &Seek);
        opj_stream_set_user_data(input, state, 0);
        opj_stream_set_user_data_length(input, (ulong)state->Length);

        byte* parameters = stackalloc byte[ParametersBytes];
        opj_set_default_decoder_parameters(parameters);
        *(uint*)parameters = (uint)halvings;
        return opj_setup_decoder(codec, parameters) != 0
            && opj_read_header(input, codec, out image) != 0
            && opj_decode(codec, input, image) != 0;
    }

    private static bool TryConvert(opj_image* image, bool isYCbCr, Span<byte> rgb, int width, int height, int strideBytes)
    {
        if (image->numcomps != 3)
        {
            return false;
        }

        for (int i = 0; i < 3; i++)
        {
            opj_image_comp* c = image->comps + i;
            if (c->data is null || c->prec != 8 || c->sgnd != 0 || c->dx is not (1 or 2) || c->dy is not (1 or 2)
                || c->w < ((uint)width + c->dx - 1) / c->dx || c->h < ((uint)height + c->dy - 1) / c->dy)
            {
                return false;
            }
        }

        new SampleRows(width, isYCbCr).Convert(image, rgb, height, strideBytes);
        return true;
    }

    [UnmanagedCallersOnly]
    private static nuint Read(byte* buffer, nuint count, StreamState* state)
    {
        long left = state->Length - state->Position;
        if (left <= 0)
        {
            return nuint.MaxValue;
        }

        long bytes = (long)Math.Min(count, (ulong)left);
        Buffer.MemoryCopy(state->Data + state->Position, buffer, bytes, bytes);
        state->Position += bytes;
        return (nuint)bytes;
    }

    [UnmanagedCallersOnly]
    private static long Skip(long count, StreamState* state)
    {
        if (count < 0 || count > state->Length - state->Position)
        {
            return -1;
        }

        state->Position += count;
        return count;
    }

    [UnmanagedCallersOnly]
    private static int Seek(long position, StreamState* state)
    {
        if (position < 0 || position > state->Length)
        {
            return 0;
        }

        state->Position = position;
        return 1;
    }
}
