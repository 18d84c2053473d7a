using SlideMesh.Inference.Packages;
using SlideMesh.Prediction;
using SlideMesh.Prediction.Bags;
using SlideMesh.Reporting.Evidence;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.Raster;
using SlideMesh.Tiling;
using SlideMesh.Tissue;
using SlideMesh.Tissue.Contours;
using SlideMesh.Tissue.Quality;

namespace SlideMesh.Reporting.Tests;

/// <summary>A made-up slide of 40,000 × 28,000 pixels at 0.25 µm with two pieces of tissue; everything follows from formulas.</summary>
internal static class MadeUp
{
    public const int TileEdge = 512;
    private const double Downsample = 32;
    private const int ThumbnailWidth = 1250;
    private const int ThumbnailHeight = 875;

    // Pictures are drawn once: they are only read.
    private static readonly Lazy<RgbImage> Drawn = new(Draw);

    public static TilePlan Plan { get; } = new()
    {
        Spec = new TileSpec { MicronsPerPixel = 0.5, SizePx = 256 },
        SlideWidth = 40000,
        SlideHeight = 28000,
        ReadLevel = new PyramidLevel(0, 40000, 28000, 1),
        ReadWidthPx = TileEdge,
        ReadHeightPx = TileEdge,
        SizeLevel0Width = TileEdge,
        SizeLevel0Height = TileEdge,
        SlideMicronsPerPixel = new MicronsPerPixel(0.25, 0.25, MicronsPerPixelSource.VendorProperty),
        Tiles = [.. TilesOf()],
    };

    public static ArrayBag Bag(int dimension = 4) => new(
        [.. Enumerable.Range(0, Plan.Tiles.Count * dimension).Select(i => (float)Math.Sin(i * 0.37))],
        [.. Plan.Tiles.SelectMany(t => new[] { t.X, t.Y })],
        dimension);

    public static TileMap Attention => new(
        "grade-attention", "grade", "grade-abmil", "toy-encoder", "attention",
        [.. Plan.Tiles.Select(t => (float)((Math.Sin(t.X / 3000.0) * Math.Cos(t.Y / 2500.0) * 3) + (t.X / 20000.0)))], null, null);

    public static TileMap Probability => new(
        "tmb", "tmb", "tmb-tiles", "tmb-tiles", "probability",
        [.. Plan.Tiles.Select(t => (float)(0.5 + (0.45 * Math.Sin((t.X + t.Y) / 4000.0))))], 0, 1);

    public static RgbImage Thumbnail() => Drawn.Value;

    private static RgbImage Draw()
    {
        RgbImage image = new(ThumbnailWidth, ThumbnailHeight);
        for (int y = 0; y < image.Height; y++)
        {
            for (int x = 0; x < image.Width; x++)
            {
                int at = ((y * image.Width) + x) * 3;
                bool tissue = IsTissue(x * Downsample, y * Downsample);
                double grain = (Math.Sin(x * 0.31) * Math.Cos(y * 0.23)) + Math.Sin((x + (2 * y)) * 0.05);
                image.Pixels[at] = (byte)(tissue ? 205 + (14 * grain) : 243);
                image.Pixels[at + 1] = (byte)(tissue ? 140 + (20 * grain) : 242);
                image.Pixels[at + 2] = (byte)(tissue ? 188 + (12 * grain) : 244);
            }
        }

        return image;
    }

    public static TissueResult Tissue() => new(
        Thumbnail(),
        new TissueMask(ThumbnailWidth, ThumbnailHeight, Downsample, Downsample, new byte[ThumbnailWidth * ThumbnailHeight]),
        [
            new TissueContour(Ring(15000, 14000, 11000, 10000), [Ring(17000, 15000, 2000, 1500)], 20.9),
            new TissueContour(Ring(32500, 11000, 4500, 6500), [], 5.7),
        ],
        Quality);

    public static SlideQuality Quality { get; } = new(
        0.55, 0.41, new Dictionary<PenColour, double> { [PenColour.Blue] = 0.012, [PenColour.Green] = 0, [PenColour.Red] = 0, [PenColour.Black] = 0.004 }, 0.06, 0.07, new QualityThresholds());

    public static RgbImage Tile(TileEvidence tile)
    {
        RgbImage image = new(128, 128);
        for (int i = 0; i < 128 * 128; i++)
        {
            double wave = Math.Sin(((i % 128) + tile.Row) * 0.2) * Math.Cos(((i / 128) - tile.Row) * 0.27);
            image.Pixels[i * 3] = (byte)(190 + (50 * wave));
            image.Pixels[(i * 3) + 1] = (byte)(120 + (60 * wave));
            image.Pixels[(i * 3) + 2] = (byte)(180 + (30 * wave));
        }

        return image;
    }

    public static SlideSummary Summary(string slideId = "TCGA-A1-0001", string path = "cohort/TCGA-A1-0001.svs") => new()
    {
        SoftwareVersion = "0.1.0",
        SlideId = slideId,
        CaseId = "A1-0001",
        Path = path,
        Fingerprint = "3f9c21d07b5e4a6688d3a1f0b6c7e2d94a1b0c3d5e6f708192a3b4c5d6e7f809",
        State = SlideState.Done,
        Width = 40000,
        Height = 28000,
        Vendor = "aperio",
        ObjectivePower = 40,
        MicronsPerPixel = Plan.SlideMicronsPerPixel,
        TissueMm2 = 26.6,
        TissuePieces = 2,
        Quality = Quality,
        Streams =
        [
            new StreamSummary("toy-encoder", "toy-encoder", new TileView(256, 0.5), Plan.Tiles.Count + 23, Plan.Tiles.Count, 2, new SortedDictionary<string, int> { ["tile-background"] = 14, ["tile-pen"] = 7 }, 31),
            new StreamSummary("tmb-tiles", "tmb-tiles", new TileView(299, 0.5), Plan.Tiles.Count + 21, Plan.Tiles.Count, 0, new SortedDictionary<string, int> { ["tile-background"] = 14, ["tile-pen"] = 7 }, 30),
        ],
        Tasks = Tasks,
        Omics = new OmicsUse(OmicsStatus.Used, "A1-0001", 188, 200, null),
        Evidence = [MapEvidence.From(Attention, Bag(), 6), MapEvidence.From(Probability, Bag(), 6)],
        Models =
        [
            Card("toy-encoder", ModelKind.Encoder),
            Card("grade-abmil", ModelKind.SlideHead),
            Card("grade-transmil", ModelKind.SlideHead),
            Card("origin-toad", ModelKind.SlideHead),
            Card("tmb-tiles", ModelKind.TileClassifier),
            Card("tmb-fusion", ModelKind.FusionHead),
        ],
    };

    public static TaskPrediction[] Tasks { get; } =
    [
        new(
            "grade",
            Ordinal(0.08, 0.21, 0.71),
            Ordinal(0.08, 0.21, 0.71),
            false,
            [new("grade-abmil", Ordinal(0.05, 0.15, 0.8)), new("grade-transmil", Ordinal(0.11, 0.47, 0.42))]),
        new(
            "tmb",
            new TaskAnswer { Type = OutputType.Binary, Labels = ["low", "high"], Probabilities = [0.18, 0.82], Label = "high", Uncertainty = 0.68, Quantities = [new("mutations-per-mb", 14.2, "mutations/Mb")] },
            new TaskAnswer { Type = OutputType.Binary, Labels = ["low", "high"], Probabilities = [0.45, 0.55], Label = "high", Uncertainty = 0.99, Quantities = [new("mutations-per-mb", 10.9, "mutations/Mb")] },
            true,
            [new("tmb-fusion", new TaskAnswer { Type = OutputType.Binary, Labels = ["low", "high"], Probabilities = [0.18, 0.82], Label = "high", Uncertainty = 0.68 })]),
        new(
            "origin",
            new TaskAnswer { Type = OutputType.Categorical, Labels = ["breast", "lung", "colon and rectum", "kidney", "prostate", "thyroid", "liver", "skin"], Probabilities = [0.9, 0.03, 0.02, 0.02, 0.01, 0.01, 0.006, 0.004], Label = "breast", Uncertainty = 0.24 },
            null,
            false,
            [new("origin-toad", new TaskAnswer { Type = OutputType.Categorical, Labels = ["breast", "lung"], Probabilities = [0.97, 0.03], Label = "breast", Uncertainty = 0.19 })]),
    ];

    private static TaskAnswer Ordinal(params double[] probabilities) => new()
    {
        Type = OutputType.Ordinal,
        Labels = ["1", "2", "3"],
        Probabilities = probabilities,
        Label = (Array.IndexOf(probabilities, probabilities.Max()) + 1).ToString(),
        Expected = probabilities[1] + (2 * probabilities[2]),
        Uncertainty = -probabilities.Sum(p => p * Math.Log(p)) / Math.Log(3),
    };

    private static ModelCard Card(string name, ModelKind kind) => new(
        name, "1.0.0", kind, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(name))),
        "", "synthetic slides, seed 1 to 400", "demonstration", "Apache-2.0", true);

    private static IEnumerable<PlannedTile> TilesOf()
    {
        for (long y = 0; y + TileEdge <= 28000; y += TileEdge)
        {
            for (long x = 0; x + TileEdge <= 40000; x += TileEdge)
            {
                if (IsTissue(x + (TileEdge / 2.0), y + (TileEdge / 2.0)))
                {
                    yield return new PlannedTile(x, y);
                }
            }
        }
    }

    private static bool IsTissue(double x, double y) =>
        (In(x, y, 15000, 14000, 11000, 10000) && !In(x, y, 17000, 15000, 2000, 1500)) || In(x, y, 32500, 11000, 4500, 6500);

    private static bool In(double x, double y, double cx, double cy, double rx, double ry) =>
        Math.Pow((x - cx) / rx, 2) + Math.Pow((y - cy) / ry, 2) <= 1;

    private static Level0Point[] Ring(double cx, double cy, double rx, double ry) =>
    [
        .. Enumerable.Range(0, 90).Select(i => new Level0Point(
            (long)(cx + (rx * Math.Cos(i * Math.PI / 45))), (long)(cy + (ry * Math.Sin(i * Math.PI / 45))))),
    ];
}
