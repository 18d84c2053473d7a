using System.Runtime.InteropServices;
using SlideMesh.Reporting.OutputStore;
using SlideMesh.Tiling;

namespace SlideMesh.Mesh.Stages;

/// <summary>A plan's tile corners on disk: little-endian int64 pairs (x, y), level-0 pixels, in plan order.</summary>
public static class TileListFile
{
    public static void Write(string path, IReadOnlyList<PlannedTile> tiles)
    {
        long[] corners = new long[checked(tiles.Count * 2)];
        for (int i = 0; i < tiles.Count; i++)
        {
            corners[2 * i] = tiles[i].X;
            corners[(2 * i) + 1] = tiles[i].Y;
        }

        AtomicFile.WriteBytes(path, MemoryMarshal.AsBytes(corners.AsSpan()).ToArray());
    }

    public static IReadOnlyList<PlannedTile> Read(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        ReadOnlySpan<long> corners = MemoryMarshal.Cast<byte, long>(bytes);
        PlannedTile[] tiles = new PlannedTile[corners.Length / 2];
        for (int i = 0; i < tiles.Length; i++)
        {
            tiles[i] = new PlannedTile(corners[2 * i], corners[(2 * i) + 1]);
        }

        return tiles;
    }
}
