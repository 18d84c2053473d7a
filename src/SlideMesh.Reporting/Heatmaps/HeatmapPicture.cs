using System.Globalization;
using SlideMesh.Prediction;
using SlideMesh.Prediction.Bags;
using SlideMesh.Slides.Raster;

namespace SlideMesh.Reporting.Heatmaps;

/// <summary>A map over the slide's thumbnail, with a colour bar and its scale: <c>heatmaps/&lt;map&gt;.png</c>.</summary>
public static class HeatmapPicture
{
    /// <summary>Weight of the heatmap's colour over the tissue's.</summary>
    public const double Alpha = 0.45;

    private const int BandRows = 128;
    private const int PanelWidth = 144;
    private const int LeastHeight = 240;
    private const int BarWidth = 22;
    private const int TextScale = 2;
    private static readonly Rgb Ink = new(0x22, 0x26, 0x2B);

    /// <summary>A picture to render maps over <paramref name="thumbnail"/> into, one after the other.</summary>
    public static RgbImage Canvas(RgbImage thumbnail)
    {
        ArgumentNullException.ThrowIfNull(thumbnail);
        return new RgbImage(thumbnail.Width + PanelWidth, Math.Max(thumbnail.Height, LeastHeight));
    }

    /// <param name="canvas">From <see cref="Canvas"/>; whatever is in it is replaced.</param>
    /// <param name="thumbnail">The slide; not changed.</param>
    /// <param name="downsampleX">Level-0 pixels per thumbnail pixel, horizontally.</param>
    /// <param name="downsampleY">Level-0 pixels per thumbnail pixel, vertically.</param>
    /// <param name="bag">The features whose rows the map follows; only coordinates are read.</param>
    public static void Render(
        RgbImage canvas, RgbImage thumbnail, double downsampleX, double downsampleY, TileMap map, IFeatureBag bag, ColourMap? colours = null)
    {
        ArgumentNullException.ThrowIfNull(canvas);
        ArgumentNullException.ThrowIfNull(thumbnail);
        ArgumentNullException.ThrowIfNull(map);
        ArgumentOutOfRangeException.ThrowIfNotEqual(canvas.Width, thumbnail.Width + PanelWidth, nameof(canvas));
        colours ??= ColourMap.Viridis;
        HeatmapScale scale = HeatmapScale.For(map);
        Array.Fill(canvas.Pixels, (byte)255);
        Blend(canvas, thumbnail, downsampleX, downsampleY, scale, bag, colours);
        DrawBar(canvas, thumbnail.Width, map, scale, colours);
    }

    /// <summary>The map over the thumbnail without a panel, for pages that draw their own scale.</summary>
    public static RgbImage RenderOverlay(
        RgbImage thumbnail, double downsampleX, double downsampleY, TileMap map, IFeatureBag bag, ColourMap? colours = null)
    {
        ArgumentNullException.ThrowIfNull(thumbnail);
        RgbImage picture = new(thumbnail.Width, thumbnail.Height);
        Blend(picture, thumbnail, downsampleX, downsampleY, HeatmapScale.For(map), bag, colours ?? ColourMap.Viridis);
        return picture;
    }

    /// <summary>In bands, because the grid takes 8 bytes a pixel, more than the picture.</summary>
    private static void Blend(
        RgbImage picture, RgbImage thumbnail, double downsampleX, double downsampleY, HeatmapScale scale, IFeatureBag bag, ColourMap colours)
    {
        for (int top = 0; top < thumbnail.Height; top += BandRows)
        {
            int rows = Math.Min(BandRows, thumbnail.Height - top);
            using HeatmapGrid band = HeatmapGrid.Rasterise(thumbnail.Width, rows, downsampleX, downsampleY, scale.Shades, bag, left: 0, top);
            Blend(picture, thumbnail, band, top, colours);
        }
    }

    private static void Blend(RgbImage picture, RgbImage thumbnail, HeatmapGrid band, int top, ColourMap colours)
    {
        for (int y = 0; y < band.Height; y++)
        {
            for (int x = 0; x < thumbnail.Width; x++)
            {
                ReadOnlySpan<byte> from = thumbnail.Pixels.AsSpan((((top + y) * thumbnail.Width) + x) * 3, 3);
                Span<byte> to = picture.Pixels.AsSpan((((top + y) * picture.Width) + x) * 3, 3);
                double shade = band[x, y];
                if (double.IsNaN(shade))
                {
                    from.CopyTo(to);
                    continue;
                }

                Rgb colour = colours[shade];
                to[0] = Mix(from[0], colour.R);
                to[1] = Mix(from[1], colour.G);
                to[2] = Mix(from[2], colour.B);
            }
        }
    }

    private static byte Mix(byte tissue, byte colour) => (byte)Math.Round((tissue * (1 - Alpha)) + (colour * Alpha));

    private static void DrawBar(RgbImage picture, int left, TileMap map, HeatmapScale scale, ColourMap colours)
    {
        int barLeft = left + 14;
        int top = 56;
        int height = Math.Min(picture.Height, 480) - top - 20;
        int textLeft = barLeft + BarWidth + 8;
        string quantity = scale.IsPercentile ? "percentile" : map.Quantity.Replace("expected-class", "class", StringComparison.Ordinal);
        PixelFont.Draw(picture, barLeft, 12, Fit(map.Task), TextScale, Ink);
        PixelFont.Draw(picture, barLeft, 32, quantity, quantity.Length > 10 ? 1 : TextScale, Ink);
        for (int y = 0; y < height; y++)
        {
            PixelFont.Fill(picture, barLeft, top + y, BarWidth, 1, colours[1 - (y / (double)(height - 1))]);
        }

        for (int tick = 0; tick <= 4; tick++)
        {
            double value = scale.Maximum + ((scale.Minimum - scale.Maximum) * tick / 4);
            int y = top + (int)Math.Round((height - 1) * tick / 4.0);
            PixelFont.Fill(picture, barLeft + BarWidth, y, 4, 1, Ink);
            string text = value.ToString(scale.IsPercentile ? "0" : "0.00", CultureInfo.InvariantCulture);
            PixelFont.Draw(picture, textLeft, y - (PixelFont.GlyphHeight * TextScale / 2), text, TextScale, Ink);
        }
    }

    private static string Fit(string text) => text.Length <= 9 ? text : text[..9];
}
