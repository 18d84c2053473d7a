using SlideMesh.Slides.Raster;
using SlideMesh.Tissue.Contours;
using SlideMesh.Tissue.Segmentation;

namespace SlideMesh.Tissue.Quality;

/// <summary>Pen marks on a thumbnail.</summary>
/// <param name="Mask">1 on a mark and its blurred edge.</param>
/// <param name="Shares">Each colour's share of all pixels, counted without the edge.</param>
internal sealed record PenMarks(byte[] Mask, IReadOnlyDictionary<PenColour, double> Shares)
{
    /// <summary>Smaller specks of ink colour are dust, pigment or folds, not a mark: the finest pen is about 0.1 mm wide.</summary>
    public const double MinMarkMm2 = 0.01;

    /// <summary>A mark's edge, where ink and glass mix, reaches about this far.</summary>
    private const double EdgeMicrons = 24;

    public static PenMarks Find(RgbImage image, double pixelMm2)
    {
        byte[] pixels = image.Pixels;
        var mask = new byte[image.Width * image.Height];
        for (int i = 0, p = 0; i < mask.Length; i++, p += 3)
        {
            mask[i] = PenRules.Classify(pixels[p], pixels[p + 1], pixels[p + 2]) is null ? (byte)0 : (byte)1;
        }

        foreach (Component mark in new RunComponents(mask, image.Width, image.Height, 1).Components)
        {
            if (mark.Pixels * pixelMm2 < MinMarkMm2)
            {
                RunComponents.Paint(mark, mask, image.Width, 0);
            }
        }

        var counts = new long[Enum.GetValues<PenColour>().Length];
        for (int i = 0; i < mask.Length; i++)
        {
            if (mask[i] != 0 && PenRules.Classify(pixels[i * 3], pixels[(i * 3) + 1], pixels[(i * 3) + 2]) is { } colour)
            {
                counts[(int)colour]++;
            }
        }

        if (counts.Any(c => c > 0))
        {
            BinaryMorphology.Dilate(mask, image.Width, image.Height, (int)Math.Ceiling(EdgeMicrons / (Math.Sqrt(pixelMm2) * 1000)));
        }

        return new PenMarks(mask, Enum.GetValues<PenColour>().ToDictionary(c => c, c => counts[(int)c] / (double)mask.Length));
    }
}
