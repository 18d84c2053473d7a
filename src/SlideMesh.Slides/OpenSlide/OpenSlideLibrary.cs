using System.Runtime.InteropServices;
using System.Text;
using SlideMesh.Slides.Native;

namespace SlideMesh.Slides.OpenSlide;

/// <summary>The loaded library: present, and new enough.</summary>
internal static unsafe class OpenSlideLibrary
{
    /// <summary>3.4.0 brought <c>openslide_detect_vendor</c>; 3.4.1 is the oldest release that is tested here.</summary>
    private static readonly Version Oldest = new(3, 4, 1);

    private static readonly Lazy<string> LoadedVersion = new(LoadAndCheck);

    /// <summary>e.g. <c>3.4.1</c>. The first use loads the library.</summary>
    /// <exception cref="NativeLibraryUnavailableException">OpenSlide is missing or too old.</exception>
    public static string Version => LoadedVersion.Value;

    public static string? Text(byte* utf8) => Marshal.PtrToStringUTF8((nint)utf8);

    private static string LoadAndCheck()
    {
        nint library = NativeLibraryFinder.Load(
            "SLIDEMESH_OPENSLIDE",
            ["libopenslide.so.1", "libopenslide.so.0", "libopenslide.1.dylib", "libopenslide.0.dylib", "libopenslide-1.dll"],
            "install OpenSlide 3.4.1 or newer with `apt-get install libopenslide0`");

        // An assembly can have one resolver only; other imports of this assembly go their usual way.
        NativeLibrary.SetDllImportResolver(
            typeof(OpenSlideLibrary).Assembly, (name, _, _) => name == OpenSlideNative.Library ? library : 0);
        return Check(Text(OpenSlideNative.openslide_get_version()) ?? "");
    }

    /// <summary>Accepts what begins with three numbers, such as <c>4.0.0</c> or <c>4.1.0-nightly</c>.</summary>
    internal static string Check(string version)
    {
        var numbers = new StringBuilder();
        foreach (char c in version.TakeWhile(c => char.IsAsciiDigit(c) || c == '.'))
        {
            numbers.Append(c);
        }

        return System.Version.TryParse(numbers.ToString().TrimEnd('.'), out Version? parsed) && parsed >= Oldest
            ? version
            : throw new NativeLibraryUnavailableException(
                $"OpenSlide {(version.Length == 0 ? "of unknown version" : version)} is too old; install {Oldest} or newer with `apt-get install libopenslide0`.");
    }
}
