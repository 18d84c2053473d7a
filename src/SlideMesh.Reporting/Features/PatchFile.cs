using SlideMesh.Reporting.Features.Hdf5;
using SlideMesh.Tiling;

namespace SlideMesh.Reporting.Features;

/// <summary>
/// Writes where a slide's tiles lie as TRIDENT's <c>patches/&lt;id&gt;_patches.h5</c>: <c>coords</c> int64 [N, 2], level-0 top-left corners,
/// with TRIDENT's and CLAM's attributes. N may be 0. The same input gives the same bytes.
/// </summary>
public static class PatchFile
{
    /// <param name="path">Temporary path; the caller renames it.</param>
    public static void Write(string path, FeatureFileHeader header, IReadOnlyList<PlannedTile> tiles)
    {
        ArgumentNullException.ThrowIfNull(header);
        ArgumentNullException.ThrowIfNull(tiles);
        using Hdf5File file = Hdf5File.Create(path);
        using Hdf5Id coords = file.CreateDataset("coords", Hdf5Library.Instance.Int64, tiles.Count, 2);
        CoordinateAttributes.Write(file, coords, header);
        long[] corners = [.. tiles.SelectMany(tile => new[] { tile.X, tile.Y })];
        file.WriteRows<long>(coords, Hdf5Library.Instance.Int64, 0, 2, corners);
        file.Flush();
    }
}
