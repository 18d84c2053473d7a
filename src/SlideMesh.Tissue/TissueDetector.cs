using SlideMesh.Slides;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.Raster;
using SlideMesh.Tissue.Contours;
using SlideMesh.Tissue.Quality;
using SlideMesh.Tissue.Segmentation;

namespace SlideMesh.Tissue;

/// <summary>
/// Finds tissue as CLAM does (Lu et al. 2021): saturation, median, threshold, closing, outlines with holes; on a thumbnail near 8 µm per
/// pixel instead of a level near downsample 64, and without pen marks. Deterministic; runs on the calling thread but for the median.
/// </summary>
public static class TissueDetector
{
    /// <param name="mpp">µm per level-0 pixel.</param>
    /// <returns>An empty result when the slide holds no tissue.</returns>
    /// <exception cref="SlideFormatException">Nothing of the slide can be read. Unreadable parts of it only become background.</exception>
    public static TissueResult Detect(
        ISlideSource source, MicronsPerPixel mpp, TissueOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(mpp);
        ArgumentNullException.ThrowIfNull(options);
        Thumbnail thumbnail = Thumbnail.Read(source, mpp, options.MicronsPerPixel, cancellation);
        RgbImage image = thumbnail.Image;
        double pixelMm2 = thumbnail.DownsampleX * mpp.X * thumbnail.DownsampleY * mpp.Y / 1e6;

        PenMarks pen = PenMarks.Find(image, pixelMm2);
        byte[] notTissue = options.RemovePen ? pen.Mask : new byte[pen.Mask.Length];
        // Two planes serve in turn: a plane of the largest thumbnail is 10 MB, and one that is let go stays until the next collection.
        byte[] mask = SaturationPlane.Of(image);
        byte[] saturation = MedianFilter.Apply(mask, image.Width, image.Height, options.MedianWindow);
        int threshold = Threshold(saturation, notTissue, options);
        Above(saturation, threshold, mask);
        Remove(mask, notTissue);
        BinaryMorphology.Close(mask, image.Width, image.Height, options.CloseWindow, scratch: saturation);
        Remove(mask, notTissue);
        BinaryMorphology.JoinDiagonals(mask, image.Width, image.Height);
        cancellation.ThrowIfCancellationRequested();

        List<TissueContour> contours = ContourFilter.Apply(
            mask,
            image.Width,
            image.Height,
            notTissue,
            pixelMm2,
            options,
            (x, y) => new Level0Point((long)Math.Round(x * thumbnail.DownsampleX), (long)Math.Round(y * thumbnail.DownsampleY)));
        var tissue = new TissueMask(image.Width, image.Height, thumbnail.DownsampleX, thumbnail.DownsampleY, mask);
        return new TissueResult(image, tissue, contours, Quality(source, mpp, tissue, pen, threshold, options, cancellation) with
        {
            UnreadableShare = thumbnail.UnreadableShare,
            ReadShare = thumbnail.ReadShare,
        });
    }

    private static int Threshold(byte[] saturation, byte[] notTissue, TissueOptions options)
    {
        if (!options.UseOtsu)
        {
            return options.SaturationThreshold;
        }

        var histogram = new long[256];
        for (int i = 0; i < saturation.Length; i++)
        {
            if (notTissue[i] == 0)
            {
                histogram[saturation[i]]++;
            }
        }

        return Math.Clamp(OtsuThreshold.Of(histogram), options.MinSaturation, options.MaxSaturation);
    }

    private static void Above(byte[] saturation, int threshold, byte[] mask)
    {
        for (int i = 0; i < mask.Length; i++)
        {
            mask[i] = saturation[i] > threshold ? (byte)1 : (byte)0;
        }
    }

    private static void Remove(byte[] mask, byte[] marks)
    {
        for (int i = 0; i < mask.Length; i++)
        {
            mask[i] &= (byte)(marks[i] ^ 1);
        }
    }

    private static SlideQuality Quality(
        ISlideSource source,
        MicronsPerPixel mpp,
        TissueMask tissue,
        PenMarks pen,
        int threshold,
        TissueOptions options,
        CancellationToken cancellation)
    {
        long tissuePixels = 0;
        long background = 0;
        ReadOnlySpan<byte> mask = tissue.Pixels;
        for (int i = 0; i < mask.Length; i++)
        {
            tissuePixels += mask[i];
            background += (mask[i] | pen.Mask[i]) == 0 ? 1 : 0;
        }

        return new SlideQuality(
            background / (double)mask.Length,
            tissuePixels / (double)mask.Length,
            pen.Shares,
            BlurSampler.BlurredShare(source, mpp, tissue, options.Quality, cancellation),
            threshold,
            options.Quality);
    }
}
