using System.Runtime.InteropServices;

namespace SlideMesh.Slides.OpenSlide;

/// <summary>openslide.h, the part that is used. Names and argument order are the header's.</summary>
internal static unsafe partial class OpenSlideNative
{
    /// <summary>Not a file name: <see cref="OpenSlideLibrary"/> resolves it.</summary>
    internal const string Library = "openslide";

    [LibraryImport(Library)]
    internal static partial byte* openslide_get_version();

    /// <summary>Null when no format recognises the file. The string is static.</summary>
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial byte* openslide_detect_vendor(string filename);

    /// <summary>Null when no format recognises the file; otherwise a handle, possibly one in error state.</summary>
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial OpenSlideHandle openslide_open(string filename);

    [LibraryImport(Library)]
    internal static partial void openslide_close(nint osr);

    /// <summary>Null when all is well. Once set, it stays, and every later read of the handle gives nothing.</summary>
    [LibraryImport(Library)]
    internal static partial byte* openslide_get_error(OpenSlideHandle osr);

    [LibraryImport(Library)]
    internal static partial int openslide_get_level_count(OpenSlideHandle osr);

    [LibraryImport(Library)]
    internal static partial void openslide_get_level_dimensions(OpenSlideHandle osr, int level, out long w, out long h);

    [LibraryImport(Library)]
    internal static partial double openslide_get_level_downsample(OpenSlideHandle osr, int level);

    /// <summary>Null when there is no such property. The string belongs to the handle.</summary>
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial byte* openslide_get_property_value(OpenSlideHandle osr, string name);

    /// <param name="dest">w × h premultiplied ARGB words.</param>
    /// <param name="x">Level-0 pixels, as y; w and h are pixels of <paramref name="level"/>.</param>
    [LibraryImport(Library)]
    internal static partial void openslide_read_region(OpenSlideHandle osr, uint* dest, long x, long y, int level, long w, long h);
}
