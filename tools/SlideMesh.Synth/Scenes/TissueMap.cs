namespace SlideMesh.Synth.Scenes;

/// <summary>What a cell of the truth grid shows.</summary>
public enum TissueClass : byte
{
    Glass = 0,
    Stroma = 1,
    OrderedTumour = 2,
    DisorderedTumour = 3,
    Lymphoid = 4,
}

/// <summary>
/// Where the slide has tissue and which, on a lattice of <see cref="Step"/> units (1 unit = 0.5 µm). Shares are met by thresholds at
/// quantiles, so that grade fixes the disordered share and not only its expectation.
/// </summary>
internal sealed class TissueMap
{
    /// <summary>Distance of lattice points, units of 0.5 µm.</summary>
    internal const int Step = 16;

    private static readonly float[] DisorderedShares = [0, 0.1f, 0.3f, 0.5f, 0.7f, 0.92f];
    private readonly TissueClass[] _classes;

    internal TissueMap(SlideParameters parameters, float width, float height)
    {
        WidthUnits = width;
        HeightUnits = height;
        Columns = (int)Math.Ceiling(width / Step) + 2;
        Rows = (int)Math.Ceiling(height / Step) + 2;
        Tissue = new float[Columns * Rows];
        _classes = new TissueClass[Columns * Rows];
        if (parameters.Tissue == TissueKind.None)
        {
            Array.Fill(Tissue, -1);
            return;
        }

        Outline(parameters.Seed);
        Classify(parameters);
    }

    internal int Columns { get; }

    internal int Rows { get; }

    internal float WidthUnits { get; }

    internal float HeightUnits { get; }

    /// <summary>Row-major; above 0 inside of tissue, about 1 per 1000 units of depth.</summary>
    internal float[] Tissue { get; }

    /// <summary>Class of the nearest lattice point; glass outside of the slide.</summary>
    internal TissueClass ClassAt(float x, float y)
    {
        int column = (int)MathF.Round(x / Step);
        int row = (int)MathF.Round(y / Step);
        return column < 0 || row < 0 || column >= Columns || row >= Rows ? TissueClass.Glass : _classes[(row * Columns) + column];
    }

    /// <summary>Depth inside of the tissue at the nearest lattice point, units; negative outside.</summary>
    internal float DepthAt(float x, float y)
    {
        int column = Math.Clamp((int)MathF.Round(x / Step), 0, Columns - 1);
        int row = Math.Clamp((int)MathF.Round(y / Step), 0, Rows - 1);
        return Tissue[(row * Columns) + column] * 1000;
    }

    private void Outline(ulong seed)
    {
        Dice dice = Dice.For(seed, 0x0171);
        float small = Math.Min(WidthUnits, HeightUnits);
        int fragments = small < 1500 ? 1 : 1 + dice.Below(3);
        List<Ellipse> shapes = [];
        for (int i = 0; i < fragments; i++)
        {
            float radius = small * (fragments == 1 ? dice.Between(0.38f, 0.46f) : i == 0 ? dice.Between(0.3f, 0.36f) : dice.Between(0.14f, 0.24f));
            float aspect = dice.Between(0.75f, 1.3f);
            float spread = fragments == 1 ? 0.03f : 0.24f;
            float angle = dice.Between(0, MathF.PI);
            float turn = (MathF.Tau * i / fragments) + dice.Between(0, 0.8f);
            shapes.Add(new(
                WidthUnits * (0.5f + (spread * MathF.Cos(turn))), HeightUnits * (0.5f + (spread * MathF.Sin(turn))),
                radius * aspect, radius / aspect, MathF.Cos(angle), MathF.Sin(angle)));
        }

        List<Ellipse> holes = [];
        for (int i = dice.Below(4); i > 0 && small >= 1500; i--)
        {
            float radius = dice.Between(50, 160);
            holes.Add(new(
                WidthUnits * dice.Between(0.25f, 0.75f), HeightUnits * dice.Between(0.25f, 0.75f), radius, radius * dice.Between(0.6f, 1.5f), 1, 0));
        }

        ValueNoise coarse = new(dice.Next(), small / 5);
        ValueNoise fine = new(dice.Next(), 120);
        for (int row = 0; row < Rows; row++)
        {
            for (int column = 0; column < Columns; column++)
            {
                float x = column * Step;
                float y = row * Step;
                float depth = shapes.Max(s => s.Depth(x, y)) + ((coarse.At(x, y) - 0.5f) * small * 0.2f);
                depth = Math.Min(depth, holes.Count == 0 ? depth : holes.Min(s => -s.Depth(x, y)));
                depth += (fine.At(x, y) - 0.5f) * 60;
                float border = Math.Min(Math.Min(x, WidthUnits - x), Math.Min(y, HeightUnits - y));
                Tissue[(row * Columns) + column] = Math.Min(depth, border - (small * 0.02f)) / 1000;
            }
        }
    }

    private void Classify(SlideParameters parameters)
    {
        Dice dice = Dice.For(parameters.Seed, 0xC1A5);
        float small = Math.Min(WidthUnits, HeightUnits);
        List<int> inside = [.. Enumerable.Range(0, Tissue.Length).Where(i => Tissue[i] > 0)];
        inside.ForEach(i => _classes[i] = TissueClass.Stroma);

        float direction = dice.Between(0, MathF.Tau);
        ValueNoise edge = new(dice.Next(), small / 5);
        ValueNoise tumour = new(dice.Next(), Math.Max(260, small / 5));
        ValueNoise disorder = new(dice.Next(), Math.Max(260, small / 6));
        float rimShare = dice.Between(0.2f, 0.34f);
        float tumourShare = dice.Between(0.68f, 0.84f);
        float disorderedShare = parameters.Grade == 0 ? 0 : DisorderedShares[parameters.Grade] + dice.Between(-0.04f, 0.04f);

        if (parameters.Site == SpecimenSite.Metastatic)
        {
            Mark(inside, rimShare, TissueClass.Lymphoid, (x, y) =>
                (((x * MathF.Cos(direction)) + (y * MathF.Sin(direction))) / small) + (0.5f * edge.At(x, y)));
            inside.RemoveAll(i => _classes[i] == TissueClass.Lymphoid);
        }

        Mark(inside, tumourShare, TissueClass.OrderedTumour, tumour.At);
        inside.RemoveAll(i => _classes[i] == TissueClass.Stroma);
        Mark(inside, disorderedShare, TissueClass.DisorderedTumour, disorder.At);
    }

    /// <summary>Gives the share of points with the highest scores a class.</summary>
    private void Mark(List<int> points, float share, TissueClass value, Func<float, float, float> score)
    {
        float[] scores = [.. points.Select(i => score(i % Columns * Step, i / Columns * Step))];
        int[] order = [.. points];
        Array.Sort(scores, order);
        int count = (int)Math.Round(share * order.Length);
        foreach (int i in order.AsSpan(order.Length - count))
        {
            _classes[i] = value;
        }
    }

    private readonly record struct Ellipse(float X, float Y, float A, float B, float Cos, float Sin)
    {
        /// <summary>Approximate distance to the outline, units; positive inside.</summary>
        internal float Depth(float x, float y)
        {
            float u = (((x - X) * Cos) + ((y - Y) * Sin)) / A;
            float v = (((y - Y) * Cos) - ((x - X) * Sin)) / B;
            return (1 - MathF.Sqrt((u * u) + (v * v))) * Math.Min(A, B);
        }
    }
}
