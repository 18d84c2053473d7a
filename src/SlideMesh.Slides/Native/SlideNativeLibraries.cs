using System.Reflection;
using System.Runtime.InteropServices;

namespace SlideMesh.Slides.Native;

/// <summary>
/// The native libraries that this assembly imports, by the name in its <c>LibraryImport</c> attributes. An assembly can have
/// one import resolver only, so every binding of this assembly is listed here and calls <see cref="Register"/> before its first import.
/// </summary>
internal static class SlideNativeLibraries
{
    public const string OpenSlide = "openslide";

    public const string TurboJpeg = "turbojpeg";

    private static readonly Lazy<bool> Registration = new(static () =>
    {
        NativeLibrary.SetDllImportResolver(typeof(SlideNativeLibraries).Assembly, Resolve);
        return true;
    });

    public static void Register() => _ = Registration.Value;

    /// <summary>Loads a library, or says what to install.</summary>
    /// <exception cref="NativeLibraryUnavailableException">It cannot be loaded.</exception>
    public static nint Load(string name) => name switch
    {
        OpenSlide => NativeLibraryFinder.Load(
            "SLIDEMESH_OPENSLIDE",
            ["libopenslide.so.1", "libopenslide.so.0", "libopenslide.1.dylib", "libopenslide.0.dylib", "libopenslide-1.dll"],
            "install OpenSlide 3.4.1 or newer with `apt-get install libopenslide0`"),
        TurboJpeg => NativeLibraryFinder.Load(
            "SLIDEMESH_TURBOJPEG",
            ["libturbojpeg.so.0", "libturbojpeg.0.dylib", "turbojpeg.dll"],
            "install libjpeg-turbo with `apt-get install libturbojpeg0`"),
        _ => 0,
    };

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath) => Load(name);
}
