using Microsoft.Win32.SafeHandles;
using SlideMesh.Slides.Pyramid;

namespace SlideMesh.Slides.TiledTiff;

/// <summary>Finds the directory of every level that OpenSlide sees, by OpenSlide's own rules of which directories are levels.</summary>
internal static class TiledTiffLayout
{
    private const long ReducedImage = 1;

    /// <exception cref="UnservedTiffException">OpenSlide has to serve this file.</exception>
    public static TiledTiffLevel[] Read(SafeFileHandle handle, ISlideSource openSlide)
    {
        bool isGeneric = openSlide.Vendor == "generic-tiff";
        if (!isGeneric && openSlide.Vendor != "aperio")
        {
            throw new UnservedTiffException($"format {openSlide.Vendor}");
        }

        var file = new TiffFile(handle);
        List<TiffDirectory> directories = file.ReadDirectories();
        Dictionary<(long Width, long Height), TiffDirectory> bySize = [];
        for (int i = 0; i < directories.Count; i++)
        {
            TiffDirectory directory = directories[i];
            if (!directory.IsTiled || (isGeneric && !IsGenericLevel(directory, i)))
            {
                continue;
            }

            if (!bySize.TryAdd((directory.Number(TiffTag.ImageWidth), directory.Number(TiffTag.ImageLength)), directory))
            {
                throw new UnservedTiffException("two of its levels have one size");
            }
        }

        if (bySize.Count != openSlide.Levels.Count)
        {
            throw new UnservedTiffException($"it has {bySize.Count} tiled pictures for {openSlide.Levels.Count} levels");
        }

        return
        [
            .. openSlide.Levels.Select(level => bySize.TryGetValue((level.Width, level.Height), out TiffDirectory? directory)
                ? new TiledTiffLevel(level, directory, file.Length)
                : throw new UnservedTiffException($"level {level.Index} is not found")),
        ];
    }

    private static bool IsGenericLevel(TiffDirectory directory, int index)
    {
        // libtiff translates the old tag into the new one.
        if (directory.Has(TiffTag.SubfileType))
        {
            throw new UnservedTiffException("it uses the old subfile type");
        }

        return index == 0 || (directory.Has(TiffTag.NewSubfileType) && (directory.Number(TiffTag.NewSubfileType) & ReducedImage) != 0);
    }
}
