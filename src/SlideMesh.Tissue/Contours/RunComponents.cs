namespace SlideMesh.Tissue.Contours;

/// <summary>
/// The 4-connected components of one value of a mask, as runs of pixels along rows: memory goes with the outlines, not with the area.
/// Components are numbered in raster order of their first pixel.
/// </summary>
internal sealed class RunComponents
{
    private readonly List<Run> _runs = [];
    private readonly List<int> _parents = [];

    public RunComponents(byte[] mask, int width, int height, byte value)
    {
        Width = width;
        Height = height;
        int previousStart = 0;
        int previousEnd = 0;
        for (int y = 0; y < height; y++)
        {
            int rowStart = _runs.Count;
            FindRuns(mask, y, value);
            Join(previousStart, previousEnd, rowStart);
            previousStart = rowStart;
            previousEnd = _runs.Count;
        }

        Components = Collect();
    }

    public IReadOnlyList<Component> Components { get; }

    private int Width { get; }

    private int Height { get; }

    /// <summary>Sets every pixel of a component.</summary>
    public static void Paint(Component component, byte[] mask, int width, byte value)
    {
        foreach (Run run in component.Runs)
        {
            mask.AsSpan((run.Y * width) + run.Start, run.End - run.Start).Fill(value);
        }
    }

    private void FindRuns(byte[] mask, int y, byte value)
    {
        ReadOnlySpan<byte> row = mask.AsSpan(y * Width, Width);
        int x = 0;
        while (x < Width)
        {
            int offset = row[x..].IndexOf(value);
            if (offset < 0)
            {
                return;
            }

            int start = x + offset;
            int length = row[start..].IndexOfAnyExcept(value);
            x = length < 0 ? Width : start + length;
            _parents.Add(_runs.Count);
            _runs.Add(new Run(y, start, x));
        }
    }

    private void Join(int above, int aboveEnd, int below)
    {
        int a = above;
        int b = below;
        while (a < aboveEnd && b < _runs.Count)
        {
            if (_runs[a].Start < _runs[b].End && _runs[b].Start < _runs[a].End)
            {
                Union(a, b);
            }

            if (_runs[a].End < _runs[b].End)
            {
                a++;
            }
            else
            {
                b++;
            }
        }
    }

    private void Union(int a, int b)
    {
        int rootA = Root(a);
        int rootB = Root(b);
        _parents[Math.Max(rootA, rootB)] = Math.Min(rootA, rootB);
    }

    private int Root(int run)
    {
        while (_parents[run] != run)
        {
            _parents[run] = _parents[_parents[run]];
            run = _parents[run];
        }

        return run;
    }

    private List<Component> Collect()
    {
        var components = new List<Component>();
        var byRoot = new Dictionary<int, Component>();
        for (int i = 0; i < _runs.Count; i++)
        {
            int root = Root(i);
            if (!byRoot.TryGetValue(root, out Component? component))
            {
                component = new Component(components.Count);
                byRoot.Add(root, component);
                components.Add(component);
            }

            Run run = _runs[i];
            component.Add(run, run.Start == 0 || run.End == Width || run.Y == 0 || run.Y == Height - 1);
        }

        return components;
    }
}

/// <summary>Pixels <paramref name="Start"/> to <paramref name="End"/> − 1 of row <paramref name="Y"/>.</summary>
internal readonly record struct Run(int Y, int Start, int End);

internal sealed class Component(int index)
{
    private readonly List<Run> _runs = [];

    public int Index => index;

    public IReadOnlyList<Run> Runs => _runs;

    /// <summary>First pixel in raster order.</summary>
    public Run First => _runs[0];

    public long Pixels { get; private set; }

    public bool TouchesEdge { get; private set; }

    public void Add(Run run, bool touchesEdge)
    {
        _runs.Add(run);
        Pixels += run.End - run.Start;
        TouchesEdge |= touchesEdge;
    }
}
