using System.Globalization;

namespace SlideMesh.Inference.Packages;

/// <summary>
/// One pass over a slide: the tiles of one <see cref="TileView"/> through one model that takes pixels (an encoder, or a tile
/// classifier whose scores are then its features). However many heads use a stream, it runs once per tile.
/// </summary>
/// <param name="Id">File stem of its features; see <see cref="IdFor"/>.</param>
/// <param name="Package">Name of the package whose <c>tile</c> graph runs.</param>
/// <param name="View">Tiles it runs on.</param>
/// <param name="Dimension">Width D of a row.</param>
public sealed record FeatureStream(string Id, string Package, TileView View, int Dimension)
{
    /// <summary>The package's name for its own view, else name-SIZEpx-MPPum with the overlap behind when there is one.</summary>
    /// <param name="native">The package's own view; null when it is not known, and the id then states the view whatever it is.</param>
    public static string IdFor(string package, TileView? native, TileView view)
    {
        ArgumentNullException.ThrowIfNull(view);
        if (view == native)
        {
            return package;
        }

        string id = string.Create(CultureInfo.InvariantCulture, $"{package}-{view.SizePx}px-{view.MicronsPerPixel}um");
        return view.OverlapPx == 0 ? id : string.Create(CultureInfo.InvariantCulture, $"{id}-{view.OverlapPx}ov");
    }
}
