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

    /// <summary>Writes the PNG in bands of rows: beside the thumbnail, memory holds one band and the colour bar.</summary>
    /// <param name="png">Stays open.</param>
    /// <param name="thumbnail">The slide; not changed.</param>
    /// <param name="downsampleX">Level-0 pixels per thumbnail pixel, horizontally.</param>
    /// <param name="downsampleY">Level-0 pixels per thumbnail pixel, vertically.</param>
    /// <param name="bag">The features whose rows the map follows; only coordinates are read.</param>
    /// <param name="scale">The map's, when it is at hand.</param>
    public static void Write(
        Stream png, RgbImage thumbnail, double downsampleX, double downsampleY, TileMap map, IFeatureBag bag, ColourMap? colours = null,
        HeatmapScale? scale = null)
    {
        ArgumentNullException.ThrowIfNull(thumbnail);
        ArgumentNullException.ThrowIfNull(map);
        scale ??= HeatmapScale.For(map);
        colours ??= ColourMap.Viridis;
        RgbImage panel = new(PanelWidth, Math.Max(thumbnail.Height, LeastHeight));
        Array.Fill(panel.Pixels, (byte)255);
        DrawBar(panel, map, scale, colours);
        RgbImage band = new(thumbnail.Width, Math.Min(BandRows, thumbnail.Height));
        PngEncoder.Write(png, thumbnail.Width + PanelWidth, panel.Height, (row, rgb) =>
        {
            Span<byte> slide = rgb[..(thumbnail.Width * 3)];
            if (row >= thumbnail.Height)
            {
                slide.Fill(255);
            }
            else
            {
                if (row % BandRows == 0)
                {
                    BlendBand(band.Pixels, thumbnail, row, downsampleX, downsampleY, scale, bag, colours);
                }

                band.Pixels.AsSpan(row % BandRows * slide.Length, slide.Length).CopyTo(slide);
            }

            panel.Pixels.AsSpan(row * PanelWidth * 3, PanelWidth * 3).CopyTo(rgb[slide.Length..]);
        });
    }

    /// <summary>The map over the thumbnail without a panel, for pages that draw their own scale.</summary>
    /// <param name="picture">As large as <paramref name="thumbnail"/>; whatever is in it is replaced.</param>
    public static void RenderOverlay(
        RgbImage picture, RgbImage thumbnail, double downsampleX, double downsampleY, IFeatureBag bag, HeatmapScale scale, ColourMap colours)
    {
        ArgumentNullException.ThrowIfNull(picture);
        ArgumentNullException.ThrowIfNull(thumbnail);
        ArgumentNullException.ThrowIfNull(scale);
        ArgumentNullException.ThrowIfNull(colours);
        ArgumentOutOfRangeException.ThrowIfNotEqual((picture.Width, picture.Height), (thumbnail.Width, thumbnail.Height), nameof(picture));
        for (int top = 0; top < thumbnail.Height; top += BandRows)
        {
            BlendBand(picture.Pixels.AsSpan(top * thumbnail.Width * 3), thumbnail, top, downsampleX, downsampleY, scale, bag, colours);
        }
    }

    /// <summary>Draws one band of rows, because the grid takes 8 bytes a pixel, more than the picture.</summary>
    /// <param name="into">Rows of the thumbnail's width, from <paramref name="top"/> on.</param>
    private static void BlendBand(
        Span<byte> into, RgbImage thumbnail, int top, double downsampleX, double downsampleY, HeatmapScale scale, IFeatureBag bag, ColourMap colours)
    {
        int rows = Math.Min(BandRows, thumbnail.Height - top);
        using HeatmapGrid grid = HeatmapGrid.Rasterise(thumbnail.Width, rows, downsampleX, downsampleY, scale.Shades, bag, left: 0, top);
        Blend(into, thumbnail, grid, top, colours);
    }

    private static void Blend(Span<byte> into, RgbImage thumbnail, HeatmapGrid grid, int top, ColourMap colours)
    {
        for (int y = 0; y < grid.Height; y++)
        {
            for (int x = 0; x < thumbnail.Width; x++)
            {
                ReadOnlySpan<byte> from = thumbnail.Pixels.AsSpan((((top + y) * thumbnail.Width) + x) * 3, 3);
                Span<byte> to = into.Slice(((y * thumbnail.Width) + x) * 3, 3);
                double shade = grid[x, y];
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

    private static void DrawBar(RgbImage panel, TileMap map, HeatmapScale scale, ColourMap colours)
    {
        const int BarLeft = 14;
        int top = 56;
        int height = Math.Min(panel.Height, 480) - top - 20;
        int textLeft = BarLeft + BarWidth + 8;
        string quantity = scale.IsPercentile ? "percentile" : map.Quantity.Replace("expected-class", "class", StringComparison.Ordinal);
        PixelFont.Draw(panel, BarLeft, 12, Fit(map.Task), TextScale, Ink);
        PixelFont.Draw(panel, BarLeft, 32, quantity, quantity.Length > 10 ? 1 : TextScale, Ink);
        for (int y = 0; y < height; y++)
        {
            PixelFont.Fill(panel, BarLeft, top + y, BarWidth, 1, colours[1 - (y / (double)(height - 1))]);
        }

        for (int tick = 0; tick <= 4; tick++)
        {
            double value = scale.Maximum + ((scale.Minimum - scale.Maximum) * tick / 4);
            int y = top + (int)Math.Round((height - 1) * tick / 4.0);
            PixelFont.Fill(panel, BarLeft + BarWidth, y, 4, 1, Ink);
            string text = value.ToString(scale.IsPercentile ? "0" : "0.00", CultureInfo.InvariantCulture);
            PixelFont.Draw(panel, textLeft, y - (PixelFont.GlyphHeight * TextScale / 2), text, TextScale, Ink);
        }
    }

    private static string Fit(string text) => text.Length <= 9 ? text : text[..9];
}
