namespace SlideMesh.Inference.Packages;

/// <summary>The tiles that a user wants an encoder to see; what is left open is the encoder's own.</summary>
/// <param name="SizePx">Edge of the square tile, pixels.</param>
/// <param name="MicronsPerPixel">µm per pixel, one view each; empty for the encoder's own.</param>
/// <param name="OverlapPx">Overlap of neighbouring tiles, pixels.</param>
public sealed record TileChoice(int? SizePx, IReadOnlyList<double> MicronsPerPixel, int? OverlapPx)
{
    /// <summary>The encoder's own tiles.</summary>
    public static TileChoice Native { get; } = new(null, [], null);

    /// <summary>The views of an encoder whose own view is <paramref name="native"/>, each once.</summary>
    public IEnumerable<TileView> Views(TileView native)
    {
        ArgumentNullException.ThrowIfNull(native);
        IEnumerable<double> resolutions = MicronsPerPixel.Count > 0 ? MicronsPerPixel : [native.MicronsPerPixel];
        return resolutions.Distinct().Select(um => new TileView(SizePx ?? native.SizePx, um, OverlapPx ?? native.OverlapPx));
    }
}
