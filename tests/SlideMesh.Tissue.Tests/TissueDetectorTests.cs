using SlideMesh.Slides.OpenSlide;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.Raster;
using SlideMesh.Slides.Tests;
using SlideMesh.Synth;
using SlideMesh.Synth.Scenes;

using SlideMesh.Tissue.Quality;

namespace SlideMesh.Tissue.Tests;

public sealed class TissueDetectorTests : IDisposable
{
    private static readonly MicronsPerPixel HalfMicron = new(0.5, 0.5, MicronsPerPixelSource.Manifest);

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Generated_slide_tissue_agrees_with_its_truth()
    {
        string path = _folder.File("slide.tif");
        SlideTruth truth = SlideGenerator.Write(path, new SlideParameters { Seed = 3, WidthPx = 3072, HeightPx = 3072, Origin = Origin.Colorectal, Nuisances = NuisanceChoice.None });
        using OpenSlideSource slide = OpenSlideSource.Open(path);
        TissueResult result = TissueDetector.Detect(slide, slide.MicronsPerPixel!, new TissueOptions());

        int agree = 0;
        for (int i = 0; i < truth.Rows * truth.Columns; i++)
        {
            var cell = new Level0Rect((long)(i % truth.Columns * truth.CellPx), (long)(i / truth.Columns * truth.CellPx), (long)truth.CellPx, (long)truth.CellPx);
            bool isTissue = truth.Cells[i / truth.Columns][i % truth.Columns] != 0;
            agree += result.Mask.TissueShare(cell) >= 0.5 == isTissue ? 1 : 0;
        }

        Assert.InRange(agree / (double)(truth.Rows * truth.Columns), 0.93, 1);
        Assert.Equal(0, result.Quality.PenShares.Values.Sum());
        AssertConsistent(result, slide, slide.MicronsPerPixel!);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Glass_alone_has_no_tissue(bool generated)
    {
        using ISlideSource slide = generated ? GeneratedGlass() : new MemorySlide(Glass(2048, 2048));
        TissueResult result = TissueDetector.Detect(slide, HalfMicron, new TissueOptions());
        Assert.True(result.IsEmpty);
        Assert.Equal(0, result.AreaMm2);
        Assert.Equal(0, result.Quality.TissueShare);
        Assert.Equal(0, result.Quality.BlurredTissueShare);
        Assert.DoesNotContain((byte)1, result.Mask.Pixels.ToArray());
    }

    [Fact]
    public void Focus_is_judged_on_pixels_of_a_level_as_they_are()
    {
        RgbImage image = Glass(4096, 4096);
        Fill(image, 803, 805, 2411, 2413, 220, 130, 180);
        using var slide = new MemorySlide(image, 4, 16);
        TissueResult result = TissueDetector.Detect(slide, HalfMicron with { X = 0.23, Y = 0.23 }, new TissueOptions());

        // Fields inside of flat colour show no edge: they were read.
        Assert.True(result.Quality.BlurredTissueShare > 0.25);
        Assert.Equal(0, slide.BlendedRegions);
    }

    [Theory]
    [InlineData(40, 70, 170, PenColour.Blue)]
    [InlineData(30, 140, 80, PenColour.Green)]
    [InlineData(200, 40, 50, PenColour.Red)]
    [InlineData(35, 35, 40, PenColour.Black)]
    public void Pen_is_found_and_is_not_tissue(byte r, byte g, byte b, PenColour colour)
    {
        RgbImage image = Glass(4096, 4096);
        Fill(image, 800, 800, 1600, 1600, 220, 130, 180);
        Fill(image, 1500, 200, 400, 3600, r, g, b);
        using var slide = new MemorySlide(image);
        TissueResult result = TissueDetector.Detect(slide, HalfMicron, new TissueOptions());

        Assert.Equal(400 * 3600 / (4096.0 * 4096), result.Quality.PenShares[colour], 0.002);
        Assert.All(result.Quality.PenShares.Where(p => p.Key != colour), p => Assert.Equal(0, p.Value));
        Assert.Equal(0, result.Mask.TissueShare(new Level0Rect(1520, 220, 360, 3560)));
        Assert.Equal(2, result.Contours.Count);

        // The mark's soft edge, 24 µm on each side, is left out with it.
        Assert.Equal((1600 - 400 - 96) * 1600 * 0.25e-6, result.AreaMm2, 0.01);
        AssertConsistent(result, slide, HalfMicron);
    }

    [Fact]
    public void Dust_and_grey_shadows_are_not_tissue()
    {
        RgbImage image = Glass(4096, 4096);
        Fill(image, 500, 500, 120, 120, 60, 50, 55);
        Fill(image, 2000, 2000, 900, 900, 180, 178, 181);
        using var slide = new MemorySlide(image);
        Assert.True(TissueDetector.Detect(slide, HalfMicron, new TissueOptions()).IsEmpty);
    }

    [Fact]
    public void Slide_full_of_tissue_is_tissue_all_over()
    {
        RgbImage image = Glass(2048, 2048);
        Fill(image, 0, 0, 2048, 1024, 225, 180, 205);
        Fill(image, 0, 1024, 2048, 1024, 120, 60, 140);
        using var slide = new MemorySlide(image);
        TissueResult result = TissueDetector.Detect(slide, HalfMicron, new TissueOptions());
        Assert.Equal(1, result.Quality.TissueShare);
        Assert.Equal(4, Assert.Single(result.Contours).Outer.Count);
    }

    [Fact]
    public void Blurred_tissue_is_measured()
    {
        RgbImage sharp = Pictures.Noise(2048, 2048, 1);
        for (int i = 0; i < sharp.Pixels.Length; i++)
        {
            sharp.Pixels[i] = (byte)((i % 3 == 1 ? 90 : 160) + (sharp.Pixels[i] / 4));
        }

        RgbImage soft = AreaResampler.Resample(AreaResampler.Resample(sharp, 32, 32), 2048, 2048);
        using var sharpSlide = new MemorySlide(sharp);
        using var softSlide = new MemorySlide(soft);
        Assert.Equal(0, TissueDetector.Detect(sharpSlide, HalfMicron, new TissueOptions()).Quality.BlurredTissueShare);
        Assert.InRange(TissueDetector.Detect(softSlide, HalfMicron, new TissueOptions()).Quality.BlurredTissueShare, 0.9, 1);
    }

    [Fact]
    public void Unreadable_part_is_background_and_is_reported()
    {
        RgbImage image = Glass(3000, 3000);
        Fill(image, 500, 500, 2000, 2000, 220, 130, 180);
        using var slide = new MemorySlide(image) { Damage = new Level0Rect(1200, 1200, 600, 600) };
        TissueResult result = TissueDetector.Detect(slide, HalfMicron, new TissueOptions());
        Assert.InRange(result.Quality.UnreadableShare, 600 * 600 / 9e6, 1112 * 1112 / 9e6);
        Assert.False(result.Mask[result.Mask.Width * 1450 / 3000, result.Mask.Height * 1450 / 3000]);
        Assert.Equal(1 - (result.Quality.UnreadableShare * 9e6 * 0.25e-6), result.AreaMm2, 0.03);
    }

    [Fact]
    public void Anisotropic_slide_has_its_true_area()
    {
        RgbImage image = Glass(2000, 4000);
        Fill(image, 500, 1000, 1000, 2000, 220, 130, 180);
        using var slide = new MemorySlide(image);
        var mpp = new MicronsPerPixel(1, 0.5, MicronsPerPixelSource.Manifest);
        TissueResult result = TissueDetector.Detect(slide, mpp, new TissueOptions());
        Assert.Equal(1.0, result.AreaMm2, 0.02);
        Assert.Equal(result.Thumbnail.Width, result.Thumbnail.Height);
    }

    [Fact]
    public void Same_slide_gives_the_same_result()
    {
        RgbImage image = SlideGenerator.Render(new SlideParameters { Seed = 9, WidthPx = 1024, HeightPx = 1024 });
        using var slide = new MemorySlide(image, 2);
        TissueResult first = TissueDetector.Detect(slide, HalfMicron, new TissueOptions());
        TissueResult second = TissueDetector.Detect(slide, HalfMicron, new TissueOptions());
        Assert.Equal(first.Mask.Pixels.ToArray(), second.Mask.Pixels.ToArray());
        Assert.Equal(first.Contours.SelectMany(c => c.Outer), second.Contours.SelectMany(c => c.Outer));
        Assert.Equal(first.Quality.BlurredTissueShare, second.Quality.BlurredTissueShare);
    }

    [Theory]
    [InlineData(TestSlides.Cmu, 0.55, 0.70, 0.36, 0.40)]
    [InlineData(TestSlides.TcgaJpeg2000, 2.3, 2.6, 0.58, 0.66)]
    public void Real_slide_shows_the_tissue_that_the_eye_sees(string name, double minArea, double maxArea, double minShare, double maxShare)
    {
        if (TestSlides.Find(name) is not { } path)
        {
            return;
        }

        using OpenSlideSource slide = OpenSlideSource.Open(path);
        MicronsPerPixel mpp = MicronsPerPixelResolver.Resolve(null, slide, defaultMpp: 0.5)!;
        TissueResult result = TissueDetector.Detect(slide, mpp, new TissueOptions());
        Assert.InRange(result.AreaMm2, minArea, maxArea);
        Assert.InRange(result.Quality.TissueShare, minShare, maxShare);
        Assert.Equal(0, result.Quality.PenShares.Values.Sum());
        Assert.Equal(0, result.Quality.BlurredTissueShare);
        AssertConsistent(result, slide, mpp);
    }

    [Fact]
    public void Presets_carry_clams_numbers()
    {
        TissueOptions biopsy = TissuePresets.Get("biopsy");
        Assert.Equal((15, 11, 2, 2, false), (biopsy.SaturationThreshold, biopsy.MedianWindow, biopsy.CloseWindow, biopsy.MaxHoles, biopsy.UseOtsu));
        Assert.Equal(0.065536, biopsy.MinAreaMm2, 9);
        Assert.Equal(16 * 0.065536, TissuePresets.Get("tcga").MinAreaMm2, 9);
        Assert.All(TissuePresets.Names, n => Assert.Equal(n, TissuePresets.Get(n).Preset));
        Assert.Contains("tcga", Assert.Throws<ArgumentException>(() => TissuePresets.Get("tgca")).Message, StringComparison.Ordinal);
    }

    /// <summary>Mask, contours and shares tell the same story.</summary>
    private static void AssertConsistent(TissueResult result, ISlideSource slide, MicronsPerPixel mpp)
    {
        long pixels = result.Mask.Pixels.ToArray().Sum(v => (long)v);
        double pixelMm2 = result.Mask.DownsampleX * result.Mask.DownsampleY * mpp.X * mpp.Y / 1e6;
        Assert.Equal(pixels * pixelMm2, result.AreaMm2, 6);
        Assert.Equal(pixels / (double)result.Mask.Pixels.Length, result.Quality.TissueShare, 12);
        double rings = result.Contours.Sum(c => Area(c.Outer) + c.Holes.Sum(Area)) * mpp.X * mpp.Y / 1e6;
        Assert.Equal(result.AreaMm2, rings, Math.Max(1e-6, result.AreaMm2 * 0.01));
        Assert.All(result.Contours.SelectMany(c => c.Outer), p =>
        {
            Assert.InRange(p.X, 0, slide.Levels[0].Width);
            Assert.InRange(p.Y, 0, slide.Levels[0].Height);
        });
    }

    private static double Area(IReadOnlyList<Level0Point> ring) =>
        ring.Select((p, i) => (p, q: ring[(i + 1) % ring.Count])).Sum(e => (double)((e.p.X * e.q.Y) - (e.q.X * e.p.Y))) / 2;

    private OpenSlideSource GeneratedGlass()
    {
        string path = _folder.File("glass.tif");
        SlideGenerator.Write(path, new SlideParameters { Seed = 5, WidthPx = 2048, HeightPx = 2048, Tissue = TissueKind.None, Nuisances = NuisanceChoice.None });
        return OpenSlideSource.Open(path);
    }

    private static RgbImage Glass(int width, int height)
    {
        var image = new RgbImage(width, height);
        for (int i = 0; i < image.Pixels.Length; i++)
        {
            image.Pixels[i] = (byte)(240 + (i * 7 % 5) - (i % 3));
        }

        return image;
    }

    private static void Fill(RgbImage image, int x, int y, int width, int height, byte r, byte g, byte b)
    {
        for (int row = y; row < y + height; row++)
        {
            for (int i = ((row * image.Width) + x) * 3, end = i + (width * 3); i < end; i += 3)
            {
                (image.Pixels[i], image.Pixels[i + 1], image.Pixels[i + 2]) = (r, g, b);
            }
        }
    }
}
