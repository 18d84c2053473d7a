namespace SlideMesh.Tiling;

/// <summary>One tile of a plan cannot be read; it is left out and listed in failures.csv, the slide goes on.</summary>
/// <param name="index">Index in the plan.</param>
/// <param name="x">Top-left corner, level-0 pixels.</param>
public sealed class TileReadException(int index, long x, long y, string message, Exception? inner = null) : Exception(message, inner)
{
    public int Index => index;

    public long X => x;

    public long Y => y;
}
