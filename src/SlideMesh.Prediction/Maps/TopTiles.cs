namespace SlideMesh.Prediction.Maps;

/// <summary>The tiles that a map rates highest and lowest. Indices are rows of the map's stream.</summary>
/// <param name="Highest">Highest first; ties by index.</param>
/// <param name="Lowest">Lowest first; ties by index. No tile stands in both: on a small slide the highest are served first.</param>
public sealed record TopTiles(IReadOnlyList<int> Highest, IReadOnlyList<int> Lowest)
{
    /// <param name="k">Tiles wanted of each.</param>
    public static TopTiles Select(TileMap map, int k)
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentOutOfRangeException.ThrowIfNegative(k);
        float[] values = map.Values;
        int[] order = [.. Enumerable.Range(0, values.Length)];
        Array.Sort(order, (a, b) => values[b] != values[a] ? values[b].CompareTo(values[a]) : a.CompareTo(b));
        int high = Math.Min(k, order.Length);

        int[] rest = order[high..];
        Array.Sort(rest, (a, b) => values[a] != values[b] ? values[a].CompareTo(values[b]) : a.CompareTo(b));
        return new TopTiles(order[..high], rest[..Math.Min(k, rest.Length)]);
    }
}
