namespace SlideMesh.Synth.Painting;

/// <summary>Which objects may touch which square of the slide; objects of a square come in painting order.</summary>
internal sealed class TileBins
{
    private const int Edge = 256;

    private readonly int[] _starts;
    private readonly int[] _items;
    private readonly int _columns;
    private readonly int _rows;

    /// <param name="box">Centre and half edge of the square that holds object i, level-0 pixels.</param>
    internal TileBins(int width, int height, int count, Func<int, (float X, float Y, float Reach)> box)
    {
        _columns = (width + Edge - 1) / Edge;
        _rows = (height + Edge - 1) / Edge;
        _starts = new int[(_columns * _rows) + 1];
        Visit(count, box, (bin, _) => _starts[bin + 1]++);
        for (int i = 0; i < _columns * _rows; i++)
        {
            _starts[i + 1] += _starts[i];
        }

        _items = new int[_starts[^1]];
        int[] next = [.. _starts];
        Visit(count, box, (bin, item) => _items[next[bin]++] = item);
    }

    /// <summary>Objects that may touch the rectangle, ascending, each once.</summary>
    internal List<int> Touching(int x, int y, int width, int height)
    {
        int left = Math.Clamp(x / Edge, 0, _columns - 1);
        int right = Math.Clamp((x + width - 1) / Edge, 0, _columns - 1);
        int top = Math.Clamp(y / Edge, 0, _rows - 1);
        int bottom = Math.Clamp((y + height - 1) / Edge, 0, _rows - 1);
        List<int> found = [];
        for (int row = top; row <= bottom; row++)
        {
            for (int column = left; column <= right; column++)
            {
                int bin = (row * _columns) + column;
                found.AddRange(_items.AsSpan(_starts[bin], _starts[bin + 1] - _starts[bin]));
            }
        }

        if (left == right && top == bottom)
        {
            return found;
        }

        found.Sort();
        int kept = 0;
        for (int i = 0; i < found.Count; i++)
        {
            if (i == 0 || found[i] != found[i - 1])
            {
                found[kept++] = found[i];
            }
        }

        found.RemoveRange(kept, found.Count - kept);
        return found;
    }

    private void Visit(int count, Func<int, (float X, float Y, float Reach)> box, Action<int, int> visit)
    {
        for (int i = 0; i < count; i++)
        {
            (float x, float y, float reach) = box(i);
            int left = Math.Max(0, (int)MathF.Floor((x - reach) / Edge));
            int right = Math.Min(_columns - 1, (int)MathF.Floor((x + reach) / Edge));
            int top = Math.Max(0, (int)MathF.Floor((y - reach) / Edge));
            int bottom = Math.Min(_rows - 1, (int)MathF.Floor((y + reach) / Edge));
            for (int row = top; row <= bottom; row++)
            {
                for (int column = left; column <= right; column++)
                {
                    visit((row * _columns) + column, i);
                }
            }
        }
    }
}
