using System.Runtime.InteropServices;
using SlideMesh.Slides.Native;

namespace SlideMesh.Slides.TurboJpeg;

/// <summary>The part of turbojpeg.h (libjpeg-turbo 2.x) that is used here; names as in the C header.</summary>
internal static partial class TurboJpegNative
{
    internal const int TJPF_RGB = 0;
    internal const int TJFLAG_NOREALLOC = 1024;
    internal const int TJERR_WARNING = 0;

    private const string Library = "libturbojpeg.so.0";

    // The finder's dlopen comes first; the loader then satisfies the imports below by SONAME with what is loaded already, so
    // that this binding needs no assembly-wide resolver (an assembly can have only one, and OpenSlide's binding lives here too).
    private static readonly Lazy<nint> Loaded = new(() => NativeLibraryFinder.Load(
        "SLIDEMESH_TURBOJPEG", [Library], "install libjpeg-turbo (Debian: apt-get install libturbojpeg0)"));

    /// <exception cref="NativeLibraryUnavailableException">The library is missing.</exception>
    internal static void EnsureLoaded() => _ = Loaded.Value;

    /// <summary>Turns a failed call into an exception; warnings (a damaged stream decoded as well as possible) count as failures.</summary>
    /// <exception cref="JpegException">The call failed.</exception>
    internal static void Check(int result, TurboJpegHandle handle, string operation)
    {
        if (result != 0)
        {
            string text = Marshal.PtrToStringUTF8(tjGetErrorStr2(handle)) ?? "unknown error";
            string kind = tjGetErrorCode(handle) == TJERR_WARNING ? " (damaged data)" : string.Empty;
            throw new JpegException($"libjpeg-turbo cannot {operation}: {text}{kind}");
        }
    }

    [LibraryImport(Library)]
    internal static partial nint tjInitCompress();

    [LibraryImport(Library)]
    internal static partial nint tjInitDecompress();

    [LibraryImport(Library)]
    internal static partial int tjDestroy(nint handle);

    [LibraryImport(Library)]
    internal static unsafe partial void tjFree(byte* buffer);

    [LibraryImport(Library)]
    internal static partial CULong tjBufSize(int width, int height, int jpegSubsamp);

    [LibraryImport(Library)]
    internal static unsafe partial int tjCompress2(
        TurboJpegHandle handle, byte* srcBuf, int width, int pitch, int height, int pixelFormat,
        byte** jpegBuf, CULong* jpegSize, int jpegSubsamp, int jpegQual, int flags);

    [LibraryImport(Library)]
    internal static unsafe partial int tjDecompressHeader3(
        TurboJpegHandle handle, byte* jpegBuf, CULong jpegSize, out int width, out int height, out int jpegSubsamp, out int jpegColorspace);

    [LibraryImport(Library)]
    internal static unsafe partial int tjDecompress2(
        TurboJpegHandle handle, byte* jpegBuf, CULong jpegSize, byte* dstBuf, int width, int pitch, int height, int pixelFormat, int flags);

    /// <param name="dstPlanes">Three planes.</param>
    /// <param name="strides">Three distances between rows, bytes.</param>
    [LibraryImport(Library)]
    internal static unsafe partial int tjDecompressToYUVPlanes(
        TurboJpegHandle handle, byte* jpegBuf, CULong jpegSize, byte** dstPlanes, int width, int* strides, int height, int flags);

    [LibraryImport(Library)]
    private static partial nint tjGetErrorStr2(TurboJpegHandle handle);

    [LibraryImport(Library)]
    private static partial int tjGetErrorCode(TurboJpegHandle handle);
}
