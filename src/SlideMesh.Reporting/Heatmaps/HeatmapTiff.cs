using SlideMesh.Prediction;
using SlideMesh.Prediction.Bags;
using SlideMesh.Slides.Raster;
using SlideMesh.Slides.Tiff;
using SlideMesh.Slides.TurboJpeg;
using SlideMesh.Tiling;

namespace SlideMesh.Reporting.Heatmaps;

/// <summary>
/// <c>heatmaps/&lt;map&gt;.tif</c>: the map's colours on white as a pyramidal TIFF whose top-left corner is the slide's and whose resolution
/// tags hold its µm per pixel, so that a viewer lays it over the slide by resolution.
/// </summary>
public static class HeatmapTiff
{
    /// <param name="micronsPerPixel">Wanted resolution. Made coarser where the picture would have more than 64 million pixels.</param>
    /// <returns>The µm per pixel written.</returns>
    public static double Write(
        Stream destination, TilePlan plan, TileMap map, IFeatureBag bag, double micronsPerPixel = 8, ColourMap? colours = null)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(micronsPerPixel);
        const double MostPixels = 64e6;
        double widthMicrons = plan.SlideWidth * plan.SlideMicronsPerPixel.X;
        double heightMicrons = plan.SlideHeight * plan.SlideMicronsPerPixel.Y;
        double resolution = Math.Max(micronsPerPixel, Math.Sqrt(widthMicrons * heightMicrons / MostPixels));
        int width = Math.Max(1, (int)Math.Ceiling(widthMicrons / resolution));
        int height = Math.Max(1, (int)Math.Ceiling(heightMicrons / resolution));

        // Tiles are placed by the resolution itself, not by width / slide width: the last column may hang over the slide's edge.
        RgbImage picture = HeatmapPicture.RenderBare(
            width, height, resolution / plan.SlideMicronsPerPixel.X, resolution / plan.SlideMicronsPerPixel.Y, map, bag, colours);
        PyramidalTiffWriter.Write(destination, picture, new PyramidalTiffOptions
        {
            MicronsPerPixel = resolution,
            Subsampling = JpegSubsampling.None,
            JpegQuality = 92,
        });
        return resolution;
    }
}
