using System.Globalization;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Tissue.Contours;

namespace SlideMesh.Reporting.Html;

/// <summary>
/// Outlines of tissue as the data of an SVG path. Points are rounded to a grid and repeats dropped, so that a page does not carry every
/// level-0 step: half pixels of the picture, and 1 or 2 pixels where that leaves more than <see cref="MostPoints"/>.
/// </summary>
internal static class ContourPath
{
    /// <summary>About 500 KB of path. A slide of 20,000 pixels full of small pieces has 21,000 on half pixels, one of 100,000 has 150,000.</summary>
    public const int MostPoints = 50_000;

    private const double FinestStepsPerPixel = 2;
    private const double CoarsestStepsPerPixel = 0.5;

    /// <param name="path">Gets the data, which needs no escaping.</param>
    /// <param name="scaleX">Picture pixels per level-0 pixel, horizontally.</param>
    /// <param name="scaleY">Picture pixels per level-0 pixel, vertically.</param>
    public static void Write(TextWriter path, IReadOnlyList<TissueContour> contours, double scaleX, double scaleY)
    {
        double steps = FinestStepsPerPixel;
        while (steps > CoarsestStepsPerPixel && contours.SelectMany(Rings).Sum(r => Thin(r, scaleX, scaleY, steps).LongCount()) > MostPoints)
        {
            steps /= 2;
        }

        Span<char> step = stackalloc char[64];
        foreach (IReadOnlyList<Level0Point> ring in contours.SelectMany(Rings))
        {
            char command = 'M';
            foreach ((double x, double y) in Thin(ring, scaleX, scaleY, steps))
            {
                _ = step.TryWrite(CultureInfo.InvariantCulture, $"{command}{x:0.#} {y:0.#}", out int written);
                path.Write(step[..written]);
                command = 'L';
            }

            path.Write('Z');
        }
    }

    private static IEnumerable<IReadOnlyList<Level0Point>> Rings(TissueContour contour) => contour.Holes.Prepend(contour.Outer);

    private static IEnumerable<(double X, double Y)> Thin(IReadOnlyList<Level0Point> ring, double scaleX, double scaleY, double steps)
    {
        (double X, double Y) last = (double.NaN, double.NaN);
        foreach (Level0Point point in ring)
        {
            (double X, double Y) next = (Math.Round(point.X * scaleX * steps) / steps, Math.Round(point.Y * scaleY * steps) / steps);
            if (next != last)
            {
                yield return next;
                last = next;
            }
        }
    }
}
