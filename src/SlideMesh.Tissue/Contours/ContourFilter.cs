using SlideMesh.Slides.Pyramid;

namespace SlideMesh.Tissue.Contours;

/// <summary>Drops small pieces, fills small holes, and turns what is left into contours. Mask and contours agree pixel for pixel.</summary>
internal static class ContourFilter
{
    /// <param name="mask">Changed in place: afterwards it is exactly what the contours enclose.</param>
    /// <param name="neverFill">1 where a hole must not be filled although it is small (pen marks).</param>
    /// <param name="pixelMm2">Area of a mask pixel, mm².</param>
    /// <param name="toLevel0">Level-0 point of a mask corner.</param>
    public static List<TissueContour> Apply(
        byte[] mask, int width, int height, byte[] neverFill, double pixelMm2, TissueOptions options, Func<int, int, Level0Point> toLevel0)
    {
        foreach (Component piece in new RunComponents(mask, width, height, 1).Components)
        {
            if (piece.Pixels * pixelMm2 < options.MinAreaMm2)
            {
                RunComponents.Paint(piece, mask, width, 0);
            }
        }

        FillHoles(mask, width, height, neverFill, pixelMm2, options);
        IReadOnlyList<Component> pieces = new RunComponents(mask, width, height, 1).Components;
        var owners = new Owners(pieces, height);
        List<IReadOnlyList<Level0Point>>[] holes = [.. pieces.Select(_ => new List<IReadOnlyList<Level0Point>>())];
        foreach (Component hole in Holes(mask, width, height))
        {
            holes[owners.LeftOf(hole.First)].Add(Ring(RingTracer.Hole(mask, width, height, hole.First), toLevel0));
        }

        return
        [
            .. pieces
                .OrderByDescending(p => p.Pixels)
                .ThenBy(p => p.Index)
                .Select(p => new TissueContour(
                    Ring(RingTracer.Outer(mask, width, height, p.First), toLevel0), holes[p.Index], p.Pixels * pixelMm2)),
        ];
    }

    private static void FillHoles(byte[] mask, int width, int height, byte[] neverFill, double pixelMm2, TissueOptions options)
    {
        var owners = new Owners(new RunComponents(mask, width, height, 1).Components, height);
        IEnumerable<IGrouping<int, Component>> byPiece = Holes(mask, width, height)
            .Where(h => !IsMostly(neverFill, width, h))
            .GroupBy(h => owners.LeftOf(h.First));
        foreach (IGrouping<int, Component> group in byPiece)
        {
            IEnumerable<Component> largestFirst = group.OrderByDescending(h => h.Pixels).ThenBy(h => h.Index);
            int kept = 0;
            foreach (Component hole in largestFirst)
            {
                if (hole.Pixels * pixelMm2 >= options.MinHoleAreaMm2 && kept < options.MaxHoles)
                {
                    kept++;
                }
                else
                {
                    RunComponents.Paint(hole, mask, width, 1);
                }
            }
        }
    }

    private static IEnumerable<Component> Holes(byte[] mask, int width, int height) =>
        new RunComponents(mask, width, height, 0).Components.Where(c => !c.TouchesEdge);

    private static bool IsMostly(byte[] marks, int width, Component component)
    {
        long marked = 0;
        foreach (Run run in component.Runs)
        {
            marked += marks.AsSpan((run.Y * width) + run.Start, run.End - run.Start).Count((byte)1);
        }

        return marked * 2 > component.Pixels;
    }

    private static Level0Point[] Ring(List<(int X, int Y)> corners, Func<int, int, Level0Point> toLevel0) =>
        [.. corners.Select(c => toLevel0(c.X, c.Y))];

    /// <summary>Finds the piece that surrounds a hole: the one whose run ends where the hole's first run begins.</summary>
    private sealed class Owners
    {
        private readonly Dictionary<int, int>[] _pieceByEnd;

        public Owners(IReadOnlyList<Component> pieces, int height)
        {
            _pieceByEnd = new Dictionary<int, int>[height];
            foreach (Component piece in pieces)
            {
                foreach (Run run in piece.Runs)
                {
                    (_pieceByEnd[run.Y] ??= [])[run.End] = piece.Index;
                }
            }
        }

        public int LeftOf(Run run) => _pieceByEnd[run.Y][run.Start];
    }
}
