namespace SlideMesh.Models.Architectures.Encoders;

/// <summary>
/// A grid of tokens cut into windows as Swin does: padded with zeros right and below to whole windows, and for a shifted block rolled
/// by half a window, where tokens that were no neighbours must not attend to each other.
/// </summary>
internal sealed class WindowGrid
{
    /// <summary>Swin's own number for "not a neighbour": added to the score before the softmax.</summary>
    private const float Masked = -100;

    private readonly int _side;
    private readonly int _window;
    private readonly int _padded;

    public WindowGrid(int side, int window, bool shifted)
    {
        _side = side;
        _window = window;
        int across = (side + window - 1) / window;
        _padded = across * window;

        // A window as large as the grid has nothing to shift into.
        Shift = shifted && _padded > window ? window / 2 : 0;
        Count = across * across;
        TokenOfCell = new long[_padded * _padded];
        CellOfToken = new long[side * side];
        for (int cell = 0; cell < TokenOfCell.Length; cell++)
        {
            (int row, int column) = Position(cell);
            int y = (row + Shift) % _padded;
            int x = (column + Shift) % _padded;
            bool inside = y < side && x < side;
            TokenOfCell[cell] = inside ? (y * side) + x : side * side;
            if (inside)
            {
                CellOfToken[(y * side) + x] = cell;
            }
        }
    }

    /// <summary>Rows and columns that the grid is rolled by.</summary>
    public int Shift { get; }

    /// <summary>Windows.</summary>
    public int Count { get; }

    /// <summary>Cells of a window.</summary>
    public int Area => _window * _window;

    public bool IsPadded => _padded > _side;

    /// <summary>Rows of the table of relative positions: differences from −(w − 1) to w − 1 both ways.</summary>
    public int TableRows => ((2 * _window) - 1) * ((2 * _window) - 1);

    /// <summary>For each cell, window by window and row by row inside: the token that lies there; side² for padding.</summary>
    public long[] TokenOfCell { get; }

    /// <summary>For each token its cell.</summary>
    public long[] CellOfToken { get; }

    /// <summary>What is added to the scores: [windows, heads, area, area] for a shifted grid, [1, heads, area, area] for others.</summary>
    /// <param name="table">[TableRows, heads].</param>
    public float[] ScoreBias(float[] table, int heads)
    {
        int windows = Shift > 0 ? Count : 1;
        float[] bias = new float[windows * heads * Area * Area];
        int at = 0;
        for (int w = 0; w < windows; w++)
        {
            int[] regions = [.. Enumerable.Range(w * Area, Area).Select(Region)];
            for (int h = 0; h < heads; h++)
            {
                for (int i = 0; i < Area; i++)
                {
                    for (int j = 0; j < Area; j++)
                    {
                        int row = ((((i / _window) - (j / _window) + _window - 1) * ((2 * _window) - 1)) + (i % _window) - (j % _window)) + _window - 1;
                        bias[at++] = table[(row * heads) + h] + (regions[i] == regions[j] ? 0 : Masked);
                    }
                }
            }
        }

        return bias;
    }

    /// <summary>Row and column of a cell in the rolled grid.</summary>
    private (int Row, int Column) Position(int cell)
    {
        int across = _padded / _window;
        int window = cell / Area;
        int inside = cell % Area;
        return ((window / across * _window) + (inside / _window), (window % across * _window) + (inside % _window));
    }

    /// <summary>Cells of equal regions were neighbours before the roll.</summary>
    private int Region(int cell)
    {
        if (Shift == 0)
        {
            return 0;
        }

        (int row, int column) = Position(cell);
        return (3 * Band(row)) + Band(column);
        int Band(int at) => at < _padded - _window ? 0 : at < _padded - Shift ? 1 : 2;
    }
}
