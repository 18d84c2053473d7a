using SlideMesh.Slides;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.Raster;

namespace SlideMesh.Tissue.Quality;

/// <summary>
/// Judges focus where it can be seen: on small fields near 1 µm per pixel, spread evenly over the tissue. At a thumbnail's 8 µm an
/// unfocused slide looks like any other.
/// </summary>
internal static class BlurSampler
{
    private const int Fields = 24;
    private const int FieldPx = 192;
    private const double MicronsPerPixel = 1;

    /// <returns>Share of the fields with tissue whose Laplacian variance lies below the threshold; 0 without tissue. Unreadable fields do not count.</returns>
    public static double BlurredShare(
        ISlideSource source, MicronsPerPixel mpp, TissueMask mask, QualityThresholds thresholds, CancellationToken cancellation)
    {
        double wanted = Math.Max(MicronsPerPixel, Math.Min(mpp.X, mpp.Y));
        PyramidLevel level = source.Levels.Where(l => mpp.Mean * l.Downsample <= wanted * 1.01).MaxBy(l => l.Downsample) ?? source.Levels[0];
        int width = ReadPx(wanted, mpp.X * level.Downsample);
        int height = ReadPx(wanted, mpp.Y * level.Downsample);
        var resampler = new AreaResampler(width, height, FieldPx, FieldPx);
        var read = new byte[checked(width * height * 3)];
        var field = new byte[FieldPx * FieldPx * 3];

        int counted = 0;
        int blurred = 0;
        foreach ((int x, int y) in SpreadOver(mask))
        {
            cancellation.ThrowIfCancellationRequested();
            // On whole pixels of the level: between them OpenSlide blends neighbours, which blurs what is to be judged.
            var region = new LevelRegion(
                Corner((x + 0.5) * mask.DownsampleX / level.Downsample, width, level.Width),
                Corner((y + 0.5) * mask.DownsampleY / level.Downsample, height, level.Height),
                width, height);
            try
            {
                if (!source.TryReadPixels(level.Index, region, read))
                {
                    var origin = new Level0Point((long)Math.Round(region.X * level.Downsample), (long)Math.Round(region.Y * level.Downsample));
                    source.ReadRegion(origin, level.Index, width, height, read);
                }
            }
            catch (SlideFormatException)
            {
                continue;
            }

            resampler.Resample(read, field);
            TileQuality quality = TileQualityMeter.Measure(field, FieldPx, FieldPx);
            if (quality is { BackgroundShare: < 0.5f, PenShare: < 0.5f })
            {
                counted++;
                blurred += quality.BlurVariance < thresholds.BlurVariance ? 1 : 0;
            }
        }

        return counted == 0 ? 0 : blurred / (double)counted;
    }

    private static int ReadPx(double wanted, double levelMicronsPerPixel) => Math.Max(1, (int)Math.Round(FieldPx * wanted / levelMicronsPerPixel));

    /// <summary>Moved inwards from the slide's edge: the step to the white beyond would pass for sharpness.</summary>
    private static long Corner(double centre, int size, long length) => (long)Math.Max(0, Math.Min(centre - (size / 2.0), length - size));

    /// <summary>Tissue pixels at equal distances in raster order.</summary>
    private static List<(int X, int Y)> SpreadOver(TissueMask mask)
    {
        ReadOnlySpan<byte> pixels = mask.Pixels;
        long total = pixels.Count((byte)1);
        var fields = new List<(int X, int Y)>(Fields);
        long seen = 0;
        for (int i = 0; i < pixels.Length && fields.Count < Math.Min(Fields, total); i++)
        {
            // With less tissue pixels than fields every pixel is one.
            if (pixels[i] != 0 && seen++ >= ((2 * fields.Count) + 1) * total / (2 * Math.Min(Fields, total)))
            {
                fields.Add((i % mask.Width, i / mask.Width));
            }
        }

        return fields;
    }
}
