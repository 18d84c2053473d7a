using System.Runtime.InteropServices;
using SlideMesh.Slides.Native;

namespace SlideMesh.Slides.OpenJpeg;

/// <summary>The part of openjpeg.h (OpenJPEG 2.x) that is used here; names as in the C header.</summary>
internal static unsafe partial class OpenJpegNative
{
    internal const int OPJ_CODEC_J2K = 0;

    /// <summary>More than <c>sizeof(opj_dparameters_t)</c> of any 2.x release; <c>cp_reduce</c> is its first member.</summary>
    internal const int ParametersBytes = 16 << 10;

    private const string Library = "libopenjp2.so.7";

    // See TurboJpegNative: the finder's dlopen comes first, the imports below are then satisfied by SONAME.
    private static readonly Lazy<nint> Loaded = new(() => NativeLibraryFinder.Load(
        "SLIDEMESH_OPENJPEG", [Library], "install OpenJPEG 2 (Debian: apt-get install libopenjp2-7)"));

    /// <exception cref="NativeLibraryUnavailableException">The library is missing.</exception>
    internal static void EnsureLoaded() => _ = Loaded.Value;

    internal static string Version() => Marshal.PtrToStringUTF8((nint)opj_version()) ?? "unknown";

    [LibraryImport(Library)]
    private static partial byte* opj_version();

    [LibraryImport(Library)]
    internal static partial void opj_set_default_decoder_parameters(byte* parameters);

    [LibraryImport(Library)]
    internal static partial nint opj_create_decompress(int format);

    [LibraryImport(Library)]
    internal static partial void opj_destroy_codec(nint codec);

    [LibraryImport(Library)]
    internal static partial int opj_setup_decoder(nint codec, byte* parameters);

    [LibraryImport(Library)]
    internal static partial int opj_read_header(nint stream, nint codec, out opj_image* image);

    [LibraryImport(Library)]
    internal static partial int opj_decode(nint codec, nint stream, opj_image* image);

    [LibraryImport(Library)]
    internal static partial void opj_image_destroy(opj_image* image);

    [LibraryImport(Library)]
    internal static partial nint opj_stream_create(nuint bufferSize, int isInput);

    [LibraryImport(Library)]
    internal static partial void opj_stream_destroy(nint stream);

    [LibraryImport(Library)]
    internal static partial void opj_stream_set_read_function(nint stream, delegate* unmanaged<byte*, nuint, StreamState*, nuint> function);

    [LibraryImport(Library)]
    internal static partial void opj_stream_set_skip_function(nint stream, delegate* unmanaged<long, StreamState*, long> function);

    [LibraryImport(Library)]
    internal static partial void opj_stream_set_seek_function(nint stream, delegate* unmanaged<long, StreamState*, int> function);

    [LibraryImport(Library)]
    internal static partial void opj_stream_set_user_data(nint stream, StreamState* data, nint free);

    [LibraryImport(Library)]
    internal static partial void opj_stream_set_user_data_length(nint stream, ulong length);

    /// <summary>What the stream functions work on: a block of memory and a place in it.</summary>
    internal struct StreamState
    {
        public byte* Data;
        public long Length;
        public long Position;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct opj_image
    {
        public uint x0;
        public uint y0;
        public uint x1;
        public uint y1;
        public uint numcomps;
        public int color_space;
        public opj_image_comp* comps;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct opj_image_comp
    {
        public uint dx;
        public uint dy;
        public uint w;
        public uint h;
        public uint x0;
        public uint y0;
        public uint prec;
        public uint bpp;
        public uint sgnd;
        public uint resno_decoded;
        public uint factor;
        public int* data;
        public ushort alpha;
    }
}
