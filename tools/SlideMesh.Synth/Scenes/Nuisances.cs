namespace SlideMesh.Synth.Scenes;

internal enum StrokeKind
{
    Pen,
    Fold,
}

/// <summary>A pen mark or a fold: a band along a polyline, level-0 pixels.</summary>
/// <param name="Points">x, y alternating.</param>
/// <param name="Colour">RGB of the ink; unused for folds.</param>
internal sealed record Stroke(StrokeKind Kind, string Name, float[] Points, float HalfWidth, (byte R, byte G, byte B) Colour)
{
    internal float Distance(float x, float y)
    {
        float best = float.MaxValue;
        for (int i = 0; i + 3 < Points.Length; i += 2)
        {
            float dx = Points[i + 2] - Points[i];
            float dy = Points[i + 3] - Points[i + 1];
            float t = Math.Clamp((((x - Points[i]) * dx) + ((y - Points[i + 1]) * dy)) / Math.Max(1e-3f, (dx * dx) + (dy * dy)), 0, 1);
            float ex = x - Points[i] - (t * dx);
            float ey = y - Points[i + 1] - (t * dy);
            best = Math.Min(best, (ex * ex) + (ey * ey));
        }

        return MathF.Sqrt(best);
    }
}

/// <summary>A round region that is out of focus, level-0 pixels.</summary>
internal sealed record BlurredRegion(float X, float Y, float Radius)
{
    /// <summary>1 well inside, 0 outside.</summary>
    internal float Weight(float x, float y)
    {
        float dx = x - X;
        float dy = y - Y;
        return Math.Clamp((1 - (MathF.Sqrt((dx * dx) + (dy * dy)) / Radius)) * 6, 0, 1);
    }
}

/// <summary>What spoils a slide.</summary>
internal sealed record Nuisances(IReadOnlyList<Stroke> Strokes, IReadOnlyList<BlurredRegion> Blurs)
{
    private static readonly (string Name, byte R, byte G, byte B)[] Inks =
        [("blue", 36, 62, 160), ("green", 30, 130, 70), ("red", 190, 30, 50), ("black", 28, 26, 34)];

    internal static Nuisances For(SlideParameters parameters)
    {
        Dice dice = Dice.For(parameters.Seed, 0x9E4);
        NuisanceChoice choice = parameters.Nuisances ?? ByChance(ref dice);
        float small = Math.Min(parameters.WidthPx, parameters.HeightPx);
        float scale = (float)(0.5 / parameters.MicronsPerPixel);
        List<Stroke> strokes = [];
        for (int i = 0; i < choice.PenMarks; i++)
        {
            (string name, byte r, byte g, byte b) = Inks[dice.Below(Inks.Length)];
            strokes.Add(new(StrokeKind.Pen, name, Path(parameters, small * 0.5f, 0.5f, ref dice), dice.Between(30, 60) * scale, (r, g, b)));
        }

        for (int i = 0; i < choice.Folds; i++)
        {
            strokes.Add(new(StrokeKind.Fold, "fold", Path(parameters, small * 0.35f, 0.25f, ref dice), dice.Between(14, 34) * scale, default));
        }

        List<BlurredRegion> blurs = [];
        for (int i = 0; i < choice.BlurredRegions; i++)
        {
            blurs.Add(new(
                parameters.WidthPx * dice.Between(0.25f, 0.75f), parameters.HeightPx * dice.Between(0.25f, 0.75f), small * dice.Between(0.09f, 0.17f)));
        }

        return new(strokes, blurs);
    }

    private static NuisanceChoice ByChance(ref Dice dice) => new(
        dice.Chance(0.3) ? 1 + dice.Below(2) : 0,
        dice.Chance(0.25) ? 1 : 0,
        dice.Chance(0.25) ? 1 + dice.Below(2) : 0);

    private static float[] Path(SlideParameters parameters, float length, float bend, ref Dice dice)
    {
        const int Pieces = 8;
        float[] points = new float[(Pieces + 1) * 2];
        float heading = dice.Between(0, MathF.Tau);
        float x = parameters.WidthPx * dice.Between(0.2f, 0.8f);
        float y = parameters.HeightPx * dice.Between(0.2f, 0.8f);
        float turn = dice.Between(-bend, bend);
        for (int i = 0; i <= Pieces; i++)
        {
            (points[i * 2], points[(i * 2) + 1]) = (x, y);
            heading += turn + (dice.Normal() * 0.1f);
            x += MathF.Cos(heading) * length / Pieces;
            y += MathF.Sin(heading) * length / Pieces;
        }

        return points;
    }
}
