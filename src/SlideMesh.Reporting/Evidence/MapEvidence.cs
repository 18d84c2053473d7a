using System.Buffers;
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

        float[] sorted = ArrayPool<float>.Shared.Rent(map.Values.Length);
        try
        {
            int finite = 0;
            foreach (float value in map.Values.Where(float.IsFinite))
            {
                sorted[finite++] = value;
            }

            Span<float> ascending = sorted.AsSpan(0, finite);
            ascending.Sort();
            int[] top = Highest(map.Values, ascending, count);
            int[] bottom = Lowest(map.Values, ascending, count, top);
            ReadOnlySpan<long> corners = bag.Coordinates;
            return new MapEvidence(
                map.Name, map.Task, map.Model, map.Stream, map.Quantity, Pick(top, map, corners), Pick(bottom, map, corners), QuantilesOf(ascending));
        }
        finally
        {
            ArrayPool<float>.Shared.Return(sorted);
        }
    }

    // Rows of all scores that can be among the wanted ones; only these are put in order.
    private static int[] Highest(float[] values, ReadOnlySpan<float> ascending, int count)
    {
        if (count == 0 || ascending.IsEmpty)
        {
            return [];
        }

        float least = ascending[Math.Max(0, ascending.Length - count)];
        return [.. Rows(values, v => v > least).Concat(Rows(values, v => v == least).Take(count)).OrderByDescending(i => values[i]).ThenBy(i => i).Take(count)];
    }

    private static int[] Lowest(float[] values, ReadOnlySpan<float> ascending, int count, int[] top)
    {
        if (count == 0 || ascending.IsEmpty)
        {
            return [];
        }

        // Of tied scores, those of the top may come first in the plan.
        int wanted = Math.Min(count + top.Length, ascending.Length);
        float most = ascending[wanted - 1];
        return
        [
            .. Rows(values, v => v < most).Concat(Rows(values, v => v == most).Take(wanted))
                .OrderBy(i => values[i]).ThenBy(i => i).Except(top).Take(count),
        ];
    }

    private static IEnumerable<int> Rows(float[] values, Func<float, bool> isWanted)
    {
        for (int i = 0; i < values.Length; i++)
        {
            if (float.IsFinite(values[i]) && isWanted(values[i]))
            {
                yield return i;
            }
        }
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

    private static double[] QuantilesOf(ReadOnlySpan<float> ascending)
    {
        if (ascending.IsEmpty)
        {
            return [];
        }

        double[] quantiles = new double[QuantileShares.Length];
        for (int i = 0; i < quantiles.Length; i++)
        {
            double position = QuantileShares[i] * (ascending.Length - 1);
            int lower = (int)position;
            int upper = Math.Min(lower + 1, ascending.Length - 1);
            double low = ascending[lower];
            quantiles[i] = low + ((ascending[upper] - low) * (position - lower));
        }

        return quantiles;
    }
}
