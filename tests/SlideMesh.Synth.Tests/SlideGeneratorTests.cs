using SlideMesh.Slides.Raster;
using SlideMesh.Slides.Tests.Tiff;
using SlideMesh.Slides.TurboJpeg;
using SlideMesh.Synth.Scenes;

namespace SlideMesh.Synth.Tests;

public class SlideGeneratorTests
{
    private static readonly SlideParameters Small = new()
    {
        Seed = 11, WidthPx = 1100, HeightPx = 900, Origin = Origin.Colorectal, Grade = 3, Tmb = 20, Site = SpecimenSite.Metastatic, Nuisances = new(1, 1, 1),
    };

    [Fact]
    public void Write_same_parameters_give_same_bytes_whatever_the_threads()
    {
        byte[] one = Written(Small with { Threads = 1 });
        Assert.Equal(one, Written(Small with { Threads = 2 }));
        Assert.Equal(one, Written(Small with { Threads = 5 }));
    }

    [Fact]
    public void Write_another_seed_gives_another_slide() => Assert.NotEqual(Written(Small), Written(Small with { Seed = 12 }));

    [Fact]
    public void Write_tiles_decode_to_the_rendered_pixels()
    {
        byte[] file = Written(Small with { JpegQuality = 95 });
        RgbImage rendered = SlideGenerator.Render(Small);
        BigTiffDirectory level = BigTiffDirectory.ReadAll(file)[0];
        long[] offsets = level.Values(324);
        long[] sizes = level.Values(325);
        Assert.Equal(5 * 4, offsets.Length);
        using JpegDecoder decoder = new();
        for (int i = 0; i < offsets.Length; i++)
        {
            RgbImage tile = decoder.Decode(file.AsSpan((int)offsets[i], (int)sizes[i]));
            (int left, int top) = (i % 5 * 256, i / 5 * 256);
            double difference = 0;
            int count = 0;
            for (int y = 0; y < Math.Min(256, rendered.Height - top); y++)
            {
                for (int x = 0; x < Math.Min(256, rendered.Width - left) * 3; x++)
                {
                    difference += Math.Abs(tile.Pixels[(y * 768) + x] - rendered.Pixels[((top + y) * rendered.Width * 3) + (left * 3) + x]);
                    count++;
                }
            }

            // JPEG at quality 95 with halved colour; another rectangle painted by mistake differs by far more.
            Assert.InRange(difference / count, 0, 6);
        }
    }

    [Theory]
    [InlineData(Origin.Lung)]
    [InlineData(Origin.Renal)]
    public void Describe_grade_sets_the_disordered_share(Origin origin)
    {
        double[] expected = [0, 0.1, 0.3, 0.5, 0.7, 0.92];
        for (int grade = 0; grade <= 5; grade++)
        {
            SlideTruth truth = SlideGenerator.Describe(new() { Seed = 40 + (ulong)grade, Origin = origin, Grade = grade });
            Assert.InRange(truth.DisorderedShare - expected[grade], -0.08, 0.08);
        }
    }

    [Fact]
    public void Describe_empty_slide_has_no_tissue_cell()
    {
        SlideTruth truth = SlideGenerator.Describe(Small with { Tissue = TissueKind.None });
        Assert.Equal(truth.Columns * truth.Rows, truth.Count(TissueClass.Glass));
        Assert.Equal(0, truth.DisorderedShare);
    }

    [Fact]
    public void Render_empty_slide_is_bright_everywhere()
    {
        RgbImage image = SlideGenerator.Render(Small with { Tissue = TissueKind.None, Nuisances = NuisanceChoice.None });
        Assert.InRange(image.Pixels.Min(), (byte)200, (byte)255);
    }

    [Theory]
    [InlineData(SpecimenSite.Primary, 0, 0)]
    [InlineData(SpecimenSite.Metastatic, 0.1, 0.5)]
    public void Describe_lymphoid_tissue_marks_metastases(SpecimenSite site, double low, double high)
    {
        SlideTruth truth = SlideGenerator.Describe(new() { Seed = 5, Site = site, Grade = 2 });
        double tissue = (truth.Columns * truth.Rows) - truth.Count(TissueClass.Glass);
        Assert.InRange(truth.Count(TissueClass.Lymphoid) / tissue, low, high);
    }

    [Fact]
    public void Describe_microns_per_pixel_scale_the_cells()
    {
        SlideTruth coarse = SlideGenerator.Describe(Small);
        SlideTruth fine = SlideGenerator.Describe(Small with { MicronsPerPixel = 0.25, WidthPx = 2200, HeightPx = 1800 });
        Assert.Equal((128.0, 256.0), (coarse.CellPx, fine.CellPx));
        Assert.Equal(coarse.Cells, fine.Cells);
    }

    [Fact]
    public void Render_mutations_darken_the_slide()
    {
        SlideParameters calm = new() { Seed = 3, WidthPx = 1024, HeightPx = 1024, Origin = Origin.Thyroid, Grade = 4, Tmb = 1, Nuisances = NuisanceChoice.None };
        Assert.True(DarkShare(calm with { Tmb = 60 }) > 1.4 * DarkShare(calm));
    }

    [Fact]
    public void Render_open_lumens_tell_lung_from_thyroid()
    {
        SlideParameters lung = new() { Seed = 3, WidthPx = 2048, HeightPx = 2048, Origin = Origin.Lung, Nuisances = NuisanceChoice.None };
        Assert.True(BrightShare(lung) > BrightShare(lung with { Origin = Origin.Thyroid }) + 0.03);
    }

    [Fact]
    public void Write_unknown_scale_leaves_the_resolution_out()
    {
        Assert.True(BigTiffDirectory.ReadAll(Written(Small))[0].Has(282));
        Assert.False(BigTiffDirectory.ReadAll(Written(Small with { WriteMicronsPerPixel = false }))[0].Has(282));
    }

    [Fact]
    public void Write_grade_out_of_range_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Written(Small with { Grade = 6 }));

    [Fact]
    public void Truth_names_every_nuisance_and_where_it_lies()
    {
        SlideTruth truth = SlideGenerator.Describe(new() { Seed = 8, Nuisances = new(PenMarks: 2, BlurredRegions: 1, Folds: 1) });
        Assert.Equal(4, truth.Nuisances.Count);
        Assert.Equal(["fold", "blur"], truth.Nuisances.Skip(2));
        foreach (int flag in new[] { 1, 2, 4 })
        {
            Assert.Contains(truth.NuisanceCells, row => row.Any(cell => (cell & flag) != 0));
        }
    }

    private static byte[] Written(SlideParameters parameters)
    {
        using MemoryStream stream = new();
        SlideGenerator.Write(stream, parameters);
        return stream.ToArray();
    }

    private static double DarkShare(SlideParameters parameters) => SlideGenerator.Render(parameters).Pixels.Count(value => value < 110);

    private static double BrightShare(SlideParameters parameters)
    {
        byte[] pixels = SlideGenerator.Render(parameters).Pixels;
        return pixels.Count(value => value > 225) / (double)pixels.Length;
    }
}
