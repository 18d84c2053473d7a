using System.Runtime.InteropServices;

namespace SlideMesh.Slides.OpenSlide;

/// <summary>An <c>openslide_t*</c>. Calls in flight keep it open: it is closed when the last of them returns.</summary>
internal sealed class OpenSlideHandle() : SafeHandle(0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        OpenSlideNative.openslide_close(handle);
        return true;
    }
}
