using SlideMesh.Prediction.Bags;

namespace SlideMesh.Prediction.Maps;

/// <summary>
/// One map from several that show the same quantity at different magnifications, on the finest grid: each of its tiles gets the mean
/// of what the scales say at the tile's centre. A scale without a tile there is left out of that mean; of several covering tiles
/// (overlapping grids) the one with the nearest centre counts, ties by index.
/// </summary>
internal static class ScaleMerge
{
    /// <summary>Index of the finest grid: smallest tile in level-0 pixels, ties by order.</summary>
    public static int Finest(IReadOnlyList<IFeatureBag> grids)
    {
        int finest = 0;
        for (int i = 1; i < grids.Count; i++)
        {
            finest = Area(grids[i]) < Area(grids[finest]) ? i : finest;
        }

        return finest;
    }

    /// <param name="scales">Each scale's grid, and a value per tile of it.</param>
    /// <returns>A value per tile of the finest grid.</returns>
    public static float[] Combine(IReadOnlyList<(IFeatureBag Grid, float[] Values)> scales)
    {
        int finest = Finest([.. scales.Select(s => s.Grid)]);
        IFeatureBag grid = scales[finest].Grid;
        TileIndex?[] indices = [.. scales.Select((s, i) => i == finest ? null : new TileIndex(s.Grid))];
        float[] merged = new float[grid.Count];
        for (int tile = 0; tile < merged.Length; tile++)
        {
            // Doubled, so that the centre of a tile with an odd edge is exact.
            long x = (2 * grid.Coordinates[2 * tile]) + grid.TileSizeLevel0.Width;
            long y = (2 * grid.Coordinates[(2 * tile) + 1]) + grid.TileSizeLevel0.Height;
            double sum = 0;
            int found = 0;
            for (int s = 0; s < indices.Length; s++)
            {
                int covering = indices[s] is { } index ? index.Covering(x, y) : tile;
                if (covering >= 0)
                {
                    sum += scales[s].Values[covering];
                    found++;
                }
            }

            merged[tile] = (float)(sum / found);
        }

        return merged;
    }

    private static long Area(IFeatureBag grid) => (long)grid.TileSizeLevel0.Width * grid.TileSizeLevel0.Height;

    /// <summary>Tiles by cells as large as a tile: what covers a point lies in its cell or the one left of or above it.</summary>
    private sealed class TileIndex
    {
        private readonly IFeatureBag _grid;
        private readonly Dictionary<(long X, long Y), List<int>> _cells = [];

        public TileIndex(IFeatureBag grid)
        {
            _grid = grid;
            for (int i = 0; i < grid.Count; i++)
            {
                (long X, long Y) cell = Cell(grid.Coordinates[2 * i], grid.Coordinates[(2 * i) + 1]);
                if (!_cells.TryGetValue(cell, out List<int>? tiles))
                {
                    _cells[cell] = tiles = new List<int>(1);
                }

                tiles.Add(i);
            }
        }

        /// <summary>Tile that covers the point with the nearest centre, −1 when there is none. The point is given in half pixels.</summary>
        public int Covering(long doubleX, long doubleY)
        {
            (int width, int height) = _grid.TileSizeLevel0;
            (long cellX, long cellY) = Cell(FloorDivide(doubleX, 2), FloorDivide(doubleY, 2));
            int best = -1;
            long bestDistance = long.MaxValue;
            for (long cy = cellY - 1; cy <= cellY; cy++)
            {
                for (long cx = cellX - 1; cx <= cellX; cx++)
                {
                    foreach (int tile in _cells.GetValueOrDefault((cx, cy)) ?? [])
                    {
                        long left = doubleX - (2 * _grid.Coordinates[2 * tile]);
                        long top = doubleY - (2 * _grid.Coordinates[(2 * tile) + 1]);
                        long distance = Square(left - width) + Square(top - height);
                        bool covers = left >= 0 && left < 2L * width && top >= 0 && top < 2L * height;
                        if (covers && (distance < bestDistance || (distance == bestDistance && tile < best)))
                        {
                            (best, bestDistance) = (tile, distance);
                        }
                    }
                }
            }

            return best;
        }

        private (long X, long Y) Cell(long x, long y) =>
            (FloorDivide(x, _grid.TileSizeLevel0.Width), FloorDivide(y, _grid.TileSizeLevel0.Height));

        private static long FloorDivide(long a, long b) => (a - (((a % b) + b) % b)) / b;

        private static long Square(long a) => a * a;
    }
}
