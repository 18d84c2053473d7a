namespace SlideMesh.Mesh.Stages;

/// <summary>Tiles <paramref name="Start"/> … Start + Count − 1 of a plan.</summary>
public readonly record struct ShardRange(int Index, int Start, int Count)
{
    /// <summary>Cuts a plan of <paramref name="tiles"/> tiles into shards of at most <paramref name="size"/>.</summary>
    public static IEnumerable<ShardRange> Cut(int tiles, int size)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(tiles);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size);
        for (int index = 0, start = 0; start < tiles; index++, start += size)
        {
            yield return new ShardRange(index, start, Math.Min(size, tiles - start));
        }
    }
}
