using SlideMesh.Slides.Raster;

namespace SlideMesh.Reporting.Heatmaps;

/// <summary>
/// Letters of 5 × 7 dots for the numbers and names beside a colour bar, drawn for this project. Lower-case letters are drawn as
/// capitals; what has no picture is drawn as a space.
/// </summary>
internal static class PixelFont
{
    public const int GlyphWidth = 5;
    public const int GlyphHeight = 7;
    private const int Advance = GlyphWidth + 1;

    // Seven rows of five dots a glyph, '#' is ink.
    private static readonly Dictionary<char, string> Glyphs = new()
    {
        ['0'] = " ### #   ##  ### # ###  ##   # ### ",
        ['1'] = "  #   ##    #    #    #    #   ### ",
        ['2'] = " ### #   #    #   #   #   #   #####",
        ['3'] = " ### #   #    #  ##     ##   # ### ",
        ['4'] = "   #   ##  # # #  # #####   #    # ",
        ['5'] = "######    ####     #    ##   # ### ",
        ['6'] = " ### #    #    #### #   ##   # ### ",
        ['7'] = "#####    #   #   #   #    #    #   ",
        ['8'] = " ### #   ##   # ### #   ##   # ### ",
        ['9'] = " ### #   ##   # ####    #    # ### ",
        ['A'] = " ### #   ##   #######   ##   ##   #",
        ['B'] = "#### #   ##   ##### #   ##   ##### ",
        ['C'] = " ### #   ##    #    #    #   # ### ",
        ['D'] = "#### #   ##   ##   ##   ##   ##### ",
        ['E'] = "######    #    #### #    #    #####",
        ['F'] = "######    #    #### #    #    #    ",
        ['G'] = " ### #   ##    # ####   ##   # ### ",
        ['H'] = "#   ##   ##   #######   ##   ##   #",
        ['I'] = " ###   #    #    #    #    #   ### ",
        ['J'] = "  ###   #    #    #    # #  #  ##  ",
        ['K'] = "#   ##  # # #  ##   # #  #  # #   #",
        ['L'] = "#    #    #    #    #    #    #####",
        ['M'] = "#   ### ### # ## # ##   ##   ##   #",
        ['N'] = "#   ###  ## # ##  ###   ##   ##   #",
        ['O'] = " ### #   ##   ##   ##   ##   # ### ",
        ['P'] = "#### #   ##   ##### #    #    #    ",
        ['Q'] = " ### #   ##   ##   ## # ##  #  ## #",
        ['R'] = "#### #   ##   ##### # #  #  # #   #",
        ['S'] = " #####    #     ###     #    ##### ",
        ['T'] = "#####  #    #    #    #    #    #  ",
        ['U'] = "#   ##   ##   ##   ##   ##   # ### ",
        ['V'] = "#   ##   ##   ##   ##   # # #   #  ",
        ['W'] = "#   ##   ##   ## # ## # ### ###   #",
        ['X'] = "#   ##   # # #   #   # # #   ##   #",
        ['Y'] = "#   ##   # # #   #    #    #    #  ",
        ['Z'] = "#####    #   #   #   #   #    #####",
        ['.'] = "                           ##   ## ",
        ['-'] = "               ####                ",
        ['%'] = "##   ##  #   #   #   #   #  ##   ##",
        ['/'] = "    #    #   #   #   #   #    #    ",
        ['('] = "   #   #   #    #    #     #     # ",
        [')'] = " #     #     #    #    #   #   #   ",
    };

    public static int Measure(string text, int scale) => Math.Max(0, (text.Length * Advance) - 1) * scale;

    /// <summary>Draws with the top-left corner at (x, y); what falls outside of the picture is cut.</summary>
    public static void Draw(RgbImage image, int x, int y, string text, int scale, Rgb colour)
    {
        foreach (char letter in text)
        {
            if (Glyphs.TryGetValue(char.ToUpperInvariant(letter), out string? dots))
            {
                for (int i = 0; i < dots.Length; i++)
                {
                    if (dots[i] == '#')
                    {
                        Fill(image, x + (i % GlyphWidth * scale), y + (i / GlyphWidth * scale), scale, scale, colour);
                    }
                }
            }

            x += Advance * scale;
        }
    }

    public static void Fill(RgbImage image, int x, int y, int width, int height, Rgb colour)
    {
        for (int py = Math.Max(0, y); py < Math.Min(image.Height, y + height); py++)
        {
            for (int px = Math.Max(0, x); px < Math.Min(image.Width, x + width); px++)
            {
                int at = ((py * image.Width) + px) * 3;
                image.Pixels[at] = colour.R;
                image.Pixels[at + 1] = colour.G;
                image.Pixels[at + 2] = colour.B;
            }
        }
    }
}
