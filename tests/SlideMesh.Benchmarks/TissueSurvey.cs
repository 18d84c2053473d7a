using System.Diagnostics;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Tissue;

namespace SlideMesh.Benchmarks;

/// <summary>Tissue detection alone on one slide, from opening the file to the contours.</summary>
internal static class TissueSurvey
{
    /// <returns>Tissue found, share of the slide looked at, and the wall time.</returns>
    public static (double AreaMm2, double ReadShare, double Seconds) Run(string path, bool isOpenSlide)
    {
        Stopwatch clock = Stopwatch.StartNew();
        using ISlideSource source = isOpenSlide ? Slides.OpenSlide.OpenSlideSource.Open(path) : SlideSource.Open(path);
        MicronsPerPixel mpp = MicronsPerPixelResolver.Require(null, source, 0.5, path);
        TissueResult tissue = TissueDetector.Detect(source, mpp, new TissueOptions());
        return (tissue.AreaMm2, tissue.Quality.ReadShare, clock.Elapsed.TotalSeconds);
    }
}
