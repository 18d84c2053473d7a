using System.Text.Json;
using SlideMesh.Slides.OpenSlide;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.Raster;
using SlideMesh.Slides.Tests;
using SlideMesh.Slides.Tiff;
using SlideMesh.Tissue;

namespace SlideMesh.Tiling.Tests;

public sealed class TileReaderTests : IDisposable
{
    private static readonly MicronsPerPixel HalfMicron = new(0.5, 0.5, MicronsPerPixelSource.Manifest);

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Native_tile_is_the_pixels_at_its_corner()
    {
        RgbImage image = Pictures.Gradient(700, 500);
        using var slide = new MemorySlide(image);
        var reader = new TileReader(slide, Plan(slide, HalfMicron, new TileSpec { MicronsPerPixel = 0.5, SizePx = 100, MinTissueShare = 0 }));
        for (int i = 0; i < reader.Plan.Tiles.Count; i++)
        {
            byte[] rgb = Read(reader, i);
            PlannedTile tile = reader.Plan.Tiles[i];
            for (int y = 0; y < 100; y++)
            {
                Assert.Equal(image.Pixels.AsSpan((int)((((tile.Y + y) * 700) + tile.X) * 3), 300), rgb.AsSpan(y * 300, 300));
            }
        }
    }

    [Fact]
    public void Coarser_tile_is_the_area_mean_of_what_it_covers()
    {
        RgbImage image = Pictures.Noise(1200, 900, 4);
        using var slide = new MemorySlide(image);
        var reader = new TileReader(slide, Plan(slide, HalfMicron, new TileSpec { MicronsPerPixel = 1.5, SizePx = 100, MinTissueShare = 0 }));
        RgbImage whole = AreaResampler.Resample(image, 400, 300);
        for (int i = 0; i < reader.Plan.Tiles.Count; i++)
        {
            byte[] rgb = Read(reader, i);
            PlannedTile tile = reader.Plan.Tiles[i];
            for (int y = 0; y < 100; y++)
            {
                Assert.Equal(whole.Pixels.AsSpan((int)(((((tile.Y / 3) + y) * 400) + (tile.X / 3)) * 3), 300), rgb.AsSpan(y * 300, 300));
            }
        }
    }

    [Fact]
    public void Overhang_is_white()
    {
        using var slide = new MemorySlide(new RgbImage(160, 100));
        var reader = new TileReader(slide, Plan(slide, HalfMicron, new TileSpec { MicronsPerPixel = 0.5, SizePx = 100, MinTissueShare = 0 }));
        Assert.Equal(2, reader.Plan.Tiles.Count);
        byte[] rgb = Read(reader, 1);
        Assert.Equal((0, 255), (rgb[59 * 3], rgb[60 * 3]));
    }

    [Fact]
    public void Damaged_tile_throws_and_the_next_one_reads()
    {
        string path = _folder.File("damaged.tif");
        PyramidalTiffWriter.Write(path, Pictures.Gradient(1024, 512), new PyramidalTiffOptions());
        byte[] content = File.ReadAllBytes(path);
        int first = content.AsSpan().IndexOf<byte>([0xFF, 0xD8, 0xFF]);
        int second = first + 1 + content.AsSpan(first + 1).IndexOf<byte>([0xFF, 0xD8, 0xFF]);
        content.AsSpan(second, 64).Clear();
        File.WriteAllBytes(path, content);

        using OpenSlideSource slide = OpenSlideSource.Open(path);
        var reader = new TileReader(slide, Plan(slide, HalfMicron, new TileSpec { MicronsPerPixel = 0.5, SizePx = 256, MinTissueShare = 0 }));
        var failed = new bool[reader.Plan.Tiles.Count];
        Parallel.For(0, failed.Length, i =>
        {
            try
            {
                Read(reader, i);
            }
            catch (TileReadException e)
            {
                failed[i] = true;
                Assert.Equal((i, reader.Plan.Tiles[i].X, reader.Plan.Tiles[i].Y), (e.Index, e.X, e.Y));
                Assert.Contains(path, e.Message, StringComparison.Ordinal);
            }
        });
        Assert.Equal([false, true, false, false, false, false, false, false], failed);
    }

    [Fact]
    public void Real_slide_equals_openslide_python_and_pil()
    {
        JsonElement reference = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Reference", "tiles.json"))).RootElement;
        if (TestSlides.Find(reference.GetProperty("slide").GetString()!) is not { } path)
        {
            return;
        }

        using OpenSlideSource slide = OpenSlideSource.Open(path);
        var mpp = new MicronsPerPixel(0.5, 0.5, MicronsPerPixelSource.Manifest);
        var reader = new TileReader(slide, Plan(slide, mpp, new TileSpec { MicronsPerPixel = 1, SizePx = 256, MinTissueShare = 0 }));
        int index = reader.Plan.Tiles.ToList().IndexOf(new PlannedTile(reference.GetProperty("x").GetInt64(), reference.GetProperty("y").GetInt64()));
        byte[] rgb = Read(reader, index);

        // Block means; PIL's reduce rounds down a little, so half a grey level is the tolerance.
        JsonElement[] means = [.. reference.GetProperty("means").EnumerateArray()];
        for (int block = 0; block < 256; block++)
        {
            for (int channel = 0; channel < 3; channel++)
            {
                double sum = 0;
                for (int p = 0; p < 256; p++)
                {
                    sum += rgb[(((((block / 16 * 16) + (p / 16)) * 256) + (block % 16 * 16) + (p % 16)) * 3) + channel];
                }

                Assert.Equal(means[(block * 3) + channel].GetDouble(), sum / 256, 0.5);
            }
        }
    }

    private static TilePlan Plan(ISlideSource slide, MicronsPerPixel mpp, TileSpec spec)
    {
        int width = (int)slide.Levels[0].Width;
        int height = (int)slide.Levels[0].Height;
        return TilePlanner.Plan(slide, mpp, new TissueMask(width, height, 1, 1, new byte[width * height]), spec);
    }

    private static byte[] Read(TileReader reader, int index)
    {
        var rgb = new byte[reader.Plan.Spec.SizePx * reader.Plan.Spec.SizePx * 3];
        reader.Read(index, rgb);
        return rgb;
    }
}
