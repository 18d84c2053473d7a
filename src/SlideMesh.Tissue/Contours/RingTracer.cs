namespace SlideMesh.Tissue.Contours;

/// <summary>
/// Follows the edge between tissue and glass along pixel edges, tissue on the right hand: outer rings run clockwise on the screen,
/// holes counter-clockwise. Only corners are kept, so a ring covers exactly the pixels it came from. The mask must be free of
/// pixels that touch at a corner only (see <c>BinaryMorphology.JoinDiagonals</c>).
/// </summary>
internal static class RingTracer
{
    private static readonly (int X, int Y)[] Directions = [(1, 0), (0, 1), (-1, 0), (0, -1)];

    /// <param name="first">First pixel, in raster order, of the tissue component.</param>
    public static List<(int X, int Y)> Outer(byte[] mask, int width, int height, Run first) =>
        Trace(mask, width, height, first.Start, first.Y, direction: 0);

    /// <param name="first">First pixel, in raster order, of the hole.</param>
    public static List<(int X, int Y)> Hole(byte[] mask, int width, int height, Run first) =>
        Trace(mask, width, height, first.Start, first.Y, direction: 1);

    private static List<(int X, int Y)> Trace(byte[] mask, int width, int height, int startX, int startY, int direction)
    {
        // Both kinds of start are corners of the ring: above and left of the first pixel lies the other value.
        var ring = new List<(int X, int Y)> { (startX, startY) };
        int x = startX;
        int y = startY;
        int heading = direction;
        while (true)
        {
            (int dx, int dy) = Directions[heading];
            x += dx;
            y += dy;
            if (x == startX && y == startY)
            {
                return ring;
            }

            int turn = IsTissue(mask, width, height, AheadLeft(x, y, heading)) ? 3
                : IsTissue(mask, width, height, AheadRight(x, y, heading)) ? 0
                : 1;
            if (turn != 0)
            {
                ring.Add((x, y));
                heading = (heading + turn) & 3;
            }
        }
    }

    // The four pixels around corner (x, y): the one ahead on the left and the one ahead on the right of the heading.
    private static (int X, int Y) AheadLeft(int x, int y, int heading) => heading switch
    {
        0 => (x, y - 1),
        1 => (x, y),
        2 => (x - 1, y),
        _ => (x - 1, y - 1),
    };

    private static (int X, int Y) AheadRight(int x, int y, int heading) => AheadLeft(x, y, (heading + 1) & 3);

    private static bool IsTissue(byte[] mask, int width, int height, (int X, int Y) pixel) =>
        (uint)pixel.X < (uint)width && (uint)pixel.Y < (uint)height && mask[(pixel.Y * width) + pixel.X] != 0;
}
