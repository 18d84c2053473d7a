namespace SlideMesh.Tissue.Quality;

/// <summary>
/// Tells ink from stain by colour. The rules rest on which channel is the weakest: haematoxylin and eosin both absorb green
/// most, so stained tissue has its minimum in green; blue and green felt pens absorb red most; a red pen is far purer than eosin or
/// blood at thumbnail scale; black ink is dark without hue. Thresholds are 8-bit RGB values; they were set on the ink colours of
/// common markers and kept strict, because ink taken for tissue costs a tile and tissue taken for ink costs a diagnosis.
/// </summary>
public static class PenRules
{
    /// <summary>The pen that a pixel looks like, null for none.</summary>
    public static PenColour? Classify(byte r, byte g, byte b)
    {
        int max = Math.Max(r, Math.Max(g, b));
        int min = Math.Min(r, Math.Min(g, b));
        if (max - min < 40)
        {
            // Packed nuclei are dark too, but stay violet: blue over green by more than 25.
            return max <= 90 && max - min <= 25 ? PenColour.Black : null;
        }

        if (b == max && r <= g && b - r >= 50)
        {
            return PenColour.Blue;
        }

        if (g == max && g - r >= 30 && g - b >= 8)
        {
            return PenColour.Green;
        }

        return r == max && r >= 150 && g <= 90 && b <= 100 && r - Math.Max(g, b) >= 100 && Math.Abs(g - b) <= 30 ? PenColour.Red : null;
    }
}
