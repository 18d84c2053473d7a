using SlideMesh.Slides.Native;

namespace SlideMesh.Slides.OpenJpeg;

/// <summary>The loaded library.</summary>
public static class OpenJpegLibrary
{
    /// <summary>Loads it when needed; gives its version, e.g. <c>2.5.0</c>.</summary>
    /// <exception cref="NativeLibraryUnavailableException">It is missing.</exception>
    public static string Load()
    {
        OpenJpegNative.EnsureLoaded();
        return OpenJpegNative.Version();
    }
}
