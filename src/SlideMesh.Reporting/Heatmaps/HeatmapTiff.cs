using SlideMesh.Prediction;
using SlideMesh.Prediction.Bags;
using SlideMesh.Slides.Tiff;
using SlideMesh.Slides.TurboJpeg;
using SlideMesh.Tiling;

namespace SlideMesh.Reporting.Heatmaps;

/// <summary>
/// <c>heatmaps/&lt;map&gt;.tif</c>: the map's colours on white as a pyramidal TIFF whose top-left corner is the slide's and whose resolution
/// tags hold its µm per pixel, so that a viewer lays it over the slide by resolution. Drawn in strips: memory does not grow with the picture.
/// </summary>
public static class HeatmapTiff
{
    /// <param name="micronsPerPixel">Resolution of the picture, both axes.</param>
    public static void Write(
        Stream destination, TilePlan plan, TileMap map, IFeatureBag bag, double micronsPerPixel = 8, ColourMap? colours = null)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(map);
        ArgumentNullException.ThrowIfNull(bag);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(micronsPerPixel);
        colours ??= ColourMap.Viridis;
        double[] shades = HeatmapScale.For(map).Shades;

        // Tiles are placed by the resolution itself, not by width / slide width: the last column may hang over the slide's edge.
        double downsampleX = micronsPerPixel / plan.SlideMicronsPerPixel.X;
        double downsampleY = micronsPerPixel / plan.SlideMicronsPerPixel.Y;
        long width = (long)Math.Ceiling(plan.SlideWidth / downsampleX);
        long height = (long)Math.Ceiling(plan.SlideHeight / downsampleY);
        PyramidalTiffWriter.Write(destination, width, height, Render, new PyramidalTiffOptions
        {
            MicronsPerPixel = micronsPerPixel,
            Subsampling = JpegSubsampling.None,
            JpegQuality = 92,
        });

        void Render(long x, long y, int columns, int rows, Span<byte> rgb)
        {
            using HeatmapGrid grid = HeatmapGrid.Rasterise(columns, rows, downsampleX, downsampleY, shades, bag, x, y);
            rgb.Fill(255);
            for (int i = 0; i < columns * rows; i++)
            {
                double shade = grid[i % columns, i / columns];
                if (!double.IsNaN(shade))
                {
                    Rgb colour = colours[shade];
                    rgb[i * 3] = colour.R;
                    rgb[(i * 3) + 1] = colour.G;
                    rgb[(i * 3) + 2] = colour.B;
                }
            }
        }
    }
}
