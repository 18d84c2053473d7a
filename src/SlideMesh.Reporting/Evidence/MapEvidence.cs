using SlideMesh.Prediction;
using SlideMesh.Prediction.Bags;

namespace SlideMesh.Reporting.Evidence;

/// <summary>A tile and its score on one map. <paramref name="Row"/> is its row in the features; X and Y its level-0 top-left corner.</summary>
public sealed record TileEvidence(int Row, long X, long Y, double Score);

/// <summary>What a map rests on: its strongest and weakest tiles and the spread of its scores.</summary>
/// <param name="Top">Highest scores, highest first; ties in plan order.</param>
/// <param name="Bottom">Lowest scores, lowest first; ties in plan order. Never a tile that is in <paramref name="Top"/>.</param>
/// <param name="Quantiles">Scores at 0, 5, 25, 50, 75, 95 and 100 % (linear between ranks, as NumPy's default); empty without tiles.</param>
public sealed record MapEvidence(
    string Map,
    string Task,
    string Model,
    string Stream,
    string Quantity,
    IReadOnlyList<TileEvidence> Top,
    IReadOnlyList<TileEvidence> Bottom,
    IReadOnlyList<double> Quantiles)
{
    private static readonly double[] QuantileShares = [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1];

    /// <param name="bag">The features that the map's values follow; only its coordinates are read.</param>
    /// <param name="count">How many tiles at each end.</param>
    public static MapEvidence From(TileMap map, IFeatureBag bag, int count)
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentNullException.ThrowIfNull(bag);
        ArgumentOutOfRangeException.ThrowIfNotEqual(map.Values.Length, bag.Count, nameof(map));

        int[] order = [.. Enumerable.Range(0, bag.Count).Where(i => float.IsFinite(map.Values[i])).OrderBy(i => map.Values[i])];
        int[] descending = [.. order.OrderByDescending(i => map.Values[i]).ThenBy(i => i)];
        int[] top = [.. descending.Take(count)];
        int[] bottom = [.. order.Except(top).Take(count)];

        ReadOnlySpan<long> corners = bag.Coordinates;
        return new MapEvidence(
            map.Name, map.Task, map.Model, map.Stream, map.Quantity, Pick(top, map, corners), Pick(bottom, map, corners), Quantile(order, map));
    }

    private static TileEvidence[] Pick(int[] rows, TileMap map, ReadOnlySpan<long> corners)
    {
        TileEvidence[] picked = new TileEvidence[rows.Length];
        for (int i = 0; i < rows.Length; i++)
        {
            picked[i] = new TileEvidence(rows[i], corners[rows[i] * 2], corners[(rows[i] * 2) + 1], map.Values[rows[i]]);
        }

        return picked;
    }

    private static double[] Quantile(int[] ascending, TileMap map)
    {
        if (ascending.Length == 0)
        {
            return [];
        }

        return [.. QuantileShares.Select(share =>
        {
            double position = share * (ascending.Length - 1);
            int lower = (int)position;
            int upper = Math.Min(lower + 1, ascending.Length - 1);
            double low = map.Values[ascending[lower]];
            return low + ((map.Values[ascending[upper]] - low) * (position - lower));
        })];
    }
}
