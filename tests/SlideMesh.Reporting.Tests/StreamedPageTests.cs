using System.Globalization;
using System.Text;
using SlideMesh.Prediction;
using SlideMesh.Reporting.Evidence;
using SlideMesh.Reporting.Heatmaps;
using SlideMesh.Reporting.Html;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Tissue.Contours;

namespace SlideMesh.Reporting.Tests;

/// <summary>
/// Pages go to their file as they are made. Golden/*.html are what the builder that held a page as one string made of the same input,
/// before it was replaced; changes of style are written into them by hand.
/// </summary>
public sealed class StreamedPageTests
{
    [Fact]
    public void Slide_page_is_the_one_that_was_built_in_memory() => Assert.Equal(Golden("slide.html"), Encoding.UTF8.GetString(Pages.Of(SlideInput())));

    [Fact]
    public void Run_page_is_the_one_that_was_built_in_memory() => Assert.Equal(Golden("run.html"), Encoding.UTF8.GetString(Pages.Of(RunInput())));

    [Fact]
    public void Page_of_large_pictures_takes_little_memory_beside_them()
    {
        SlideReportInput input = SlideInput() with { Thumbnail = Picture(1, "image/jpeg", 8_000_000) };
        SlideReport.Write(Stream.Null, input);

        long before = GC.GetAllocatedBytesForCurrentThread();
        SlideReport.Write(Stream.Null, input);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 500_000);
    }

    [Theory]
    [InlineData(20_000, 2)]
    [InlineData(90_000, 1)]
    [InlineData(190_000, 0.5)]
    public void Outline_of_many_points_is_drawn_on_a_coarser_grid(int points, double stepsPerPixel)
    {
        // Zigzag of half a picture pixel: every point is one of its own on half pixels.
        Level0Point[] ring = [.. Enumerable.Range(0, points).Select(i => new Level0Point(i * 8L, i % 2 * 8L))];
        using StringWriter path = new(CultureInfo.InvariantCulture);
        ContourPath.Write(path, [new TissueContour(ring, [], 1)], 1 / 16.0, 1 / 16.0);
        double[] numbers = [.. path.ToString().Split(['M', 'L', 'Z', ' '], StringSplitOptions.RemoveEmptyEntries).Select(n => double.Parse(n, CultureInfo.InvariantCulture))];

        Assert.All(numbers, n => Assert.Equal(Math.Round(n * stepsPerPixel), n * stepsPerPixel));
        Assert.Contains(numbers, n => Math.Round(n * stepsPerPixel / 2) != n * stepsPerPixel / 2);
        Assert.InRange(numbers.Length / 2, 1, ContourPath.MostPoints * 2);
    }

    private static SlideReportInput SlideInput() => new()
    {
        Summary = MadeUp.Summary() with { Notes = ["Größe < 5 µm & \"mehr\" 𝛼 \ud800."] },
        Thumbnail = Picture(1, "image/jpeg", 7_000),
        Contours = MadeUp.Tissue().Contours,
        Heatmaps = [.. new[] { MadeUp.Attention, MadeUp.Probability }.Select((map, i) => Figure(map, i))],
        Tiles = [.. MadeUp.Summary().Evidence.SelectMany(Tiles)],
    };

    private static RunReportInput RunInput() => MadeUpReports.Run() with
    {
        Slides = [.. MadeUpReports.Run().Slides.Select((s, i) => s with { Thumbnail = i < 3 ? Picture(i, "image/jpeg", 2000 + i) : null })],
    };

    private static string Golden(string name) => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden", name));

    private static HeatmapFigure Figure(TileMap map, int i) => new(
        map.Name, map.Task, map.Quantity, map.Model, 0, i == 0 ? 100 : 1, ColourMap.Viridis, Picture(i + 2, "image/png", 7_001 + i)) { ClassLabels = map.ClassLabels };

    private static IEnumerable<EvidenceTile> Tiles(MapEvidence evidence) =>
        evidence.Top.Select((tile, i) => new EvidenceTile($"{i}.jpg", evidence.Map, true, i + 1, tile, 128, 128, Picture(i, "image/jpeg", 50 + i).Bytes));

    // No encoder's work, whose bytes are its version's: any bytes do.
    private static ReportPicture Picture(int seed, string mediaType, int bytes) =>
        new([.. Enumerable.Range(0, bytes).Select(i => (byte)((i * 131) + (i >> 8) + seed))], mediaType, 40 + seed, 30 + seed);
}
