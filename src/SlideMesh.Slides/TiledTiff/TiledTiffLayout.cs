using Microsoft.Win32.SafeHandles;
using SlideMesh.Slides.Pyramid;

namespace SlideMesh.Slides.TiledTiff;

/// <summary>Finds the directory of every level that OpenSlide sees, by OpenSlide's own rules of which directories are levels.</summary>
internal static class TiledTiffLayout
{
    private const long ReducedImage = 1;

    /// <summary>OpenSlide takes four bytes a pixel: 1 GiB. Scanners' tiles have 0.06 to 16 million pixels.</summary>
    private const long MaxTilePixels = 1 << 28;

    /// <param name="ome">What the file says as OME-TIFF; null when it is none.</param>
    /// <exception cref="UnservedTiffException">OpenSlide has to serve this file.</exception>
    public static TiledTiffLevel[] Read(SafeFileHandle handle, ISlideSource openSlide, out OmePyramid? ome)
    {
        ome = null;
        bool isGeneric = openSlide.Vendor == "generic-tiff";
        bool isPhilips = openSlide.Vendor == "philips";
        if (!isGeneric && !isPhilips && openSlide.Vendor != "aperio")
        {
            throw new UnservedTiffException($"format {openSlide.Vendor}");
        }

        var file = new TiffFile(handle);
        List<TiffDirectory> directories = file.ReadDirectories();
        if (isPhilips)
        {
            return ReadPhilips(file, [.. directories.Where(d => d.IsTiled)], openSlide.Levels);
        }

        if (isGeneric && directories.Count > 0 && OmePyramid.Read(directories[0], openSlide.Levels) is { } pyramid)
        {
            ome = pyramid;
            return [.. pyramid.Levels.Zip(pyramid.Directories, (level, directory) => new TiledTiffLevel(level, directory, file.Length, sparseIsBackground: true))];
        }

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
                ? new TiledTiffLevel(level, directory, file.Length, sparseIsBackground: isGeneric || openSlide.Levels.Count == 1)
                : throw new UnservedTiffException($"level {level.Index} is not found")),
        ];
    }

    /// <summary>
    /// Philips: every tiled picture is a level, in the file's order. Their sizes are those of whole tiles; OpenSlide works the levels' own out
    /// from the pixel spacings. Tiles that are left out are background.
    /// </summary>
    private static TiledTiffLevel[] ReadPhilips(TiffFile file, TiffDirectory[] directories, IReadOnlyList<PyramidLevel> levels) =>
        directories.Length == levels.Count
            ? [.. levels.Zip(directories, (level, directory) => new TiledTiffLevel(level, directory, file.Length, sparseIsBackground: true, isPadded: true))]
            : throw new UnservedTiffException($"it has {directories.Length} tiled pictures for {levels.Count} levels");

    /// <summary>
    /// What makes a TIFF dangerous to read: OpenSlide takes memory for a tile as large as the file says, and ends the whole
    /// process when there is none. Null when nothing does, or when the directories are not plain enough to say.
    /// </summary>
    public static string? FindHugeTile(string path)
    {
        try
        {
            using SafeFileHandle handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            foreach (TiffDirectory directory in new TiffFile(handle).ReadDirectories().Where(d => d.IsTiled && d.Has(TiffTag.TileLength)))
            {
                long width = directory.Number(TiffTag.TileWidth);
                long height = directory.Number(TiffTag.TileLength);
                if (height > 0 && width > MaxTilePixels / height)
                {
                    return $"its tiles are said to have {width} × {height} pixels";
                }
            }

            return null;
        }
        catch (Exception e) when (e is UnservedTiffException or IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            return null;
        }
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
