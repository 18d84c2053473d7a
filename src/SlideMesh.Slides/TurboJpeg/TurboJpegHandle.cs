using System.Runtime.InteropServices;

namespace SlideMesh.Slides.TurboJpeg;

/// <summary>A <c>tjhandle</c>.</summary>
internal sealed class TurboJpegHandle : SafeHandle
{
    private TurboJpegHandle(nint handle)
        : base(0, ownsHandle: true) => SetHandle(handle);

    public override bool IsInvalid => handle == 0;

    internal static TurboJpegHandle ForCompression()
    {
        TurboJpegNative.EnsureLoaded();
        return Checked(new TurboJpegHandle(TurboJpegNative.tjInitCompress()));
    }

    internal static TurboJpegHandle ForDecompression()
    {
        TurboJpegNative.EnsureLoaded();
        return Checked(new TurboJpegHandle(TurboJpegNative.tjInitDecompress()));
    }

    protected override bool ReleaseHandle() => TurboJpegNative.tjDestroy(handle) == 0;

    private static TurboJpegHandle Checked(TurboJpegHandle created) =>
        created.IsInvalid ? throw new JpegException("libjpeg-turbo cannot create an instance (out of memory?)") : created;
}
