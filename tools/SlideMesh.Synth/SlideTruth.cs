using System.Text.Json;
using System.Text.Json.Serialization;
using SlideMesh.Synth.Scenes;

namespace SlideMesh.Synth;

/// <summary>What is on a made-up slide: hidden variables and a coarse map.</summary>
public sealed record SlideTruth
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new JsonStringEnumConverter() },
    };

    public required SlideParameters Parameters { get; init; }

    /// <summary>Edge of a cell of <see cref="Cells"/>, level-0 pixels: 64 µm.</summary>
    public required double CellPx { get; init; }

    public required int Columns { get; init; }

    public required int Rows { get; init; }

    /// <summary>Rows × columns, top to bottom: 0 glass, 1 stroma, 2 ordered tumour, 3 disordered tumour, 4 lymphoid tissue.</summary>
    public required int[][] Cells { get; init; }

    /// <summary>Rows × columns, sum of 1 (pen), 2 (fold) and 4 (blur).</summary>
    public required int[][] NuisanceCells { get; init; }

    /// <summary>Names of the nuisances on the slide, in drawing order: an ink's colour, <c>fold</c>, <c>blur</c>.</summary>
    public required IReadOnlyList<string> Nuisances { get; init; }

    /// <summary>Disordered share of the tumour's cells, 0 to 1; 0 without tumour.</summary>
    public double DisorderedShare
    {
        get
        {
            int disordered = Count(TissueClass.DisorderedTumour);
            int tumour = disordered + Count(TissueClass.OrderedTumour);
            return tumour == 0 ? 0 : Math.Round((double)disordered / tumour, 4);
        }
    }

    public int Count(TissueClass wanted) => Cells.Sum(row => row.Count(cell => cell == (int)wanted));

    /// <summary>One JSON object with snake-case names.</summary>
    public string ToJson() => JsonSerializer.Serialize(
        new
        {
            Parameters.Seed,
            Parameters.WidthPx,
            Parameters.HeightPx,
            Parameters.MicronsPerPixel,
            Parameters.Tissue,
            Parameters.Origin,
            Parameters.Grade,
            Tmb = Math.Round(Parameters.Tmb, 2),
            Parameters.Site,
            DisorderedShare,
            Nuisances,
            CellPx,
            Columns,
            Rows,
            Classes = Enum.GetNames<TissueClass>(),
            Cells,
            NuisanceCells,
        },
        Json) + "\n";

    internal static SlideTruth Of(Scene scene)
    {
        double cell = 64 / scene.Parameters.MicronsPerPixel;
        int columns = (int)Math.Ceiling(scene.Parameters.WidthPx / cell);
        int rows = (int)Math.Ceiling(scene.Parameters.HeightPx / cell);
        return new()
        {
            Parameters = scene.Parameters,
            CellPx = cell,
            Columns = columns,
            Rows = rows,
            Cells = Grid(columns, rows, (column, row) => (int)ClassOf(scene.Map, column, row)),
            NuisanceCells = Grid(columns, rows, (column, row) => NuisanceOf(scene.Nuisances, (column + 0.5) * cell, (row + 0.5) * cell, cell)),
            Nuisances = [.. scene.Nuisances.Strokes.Select(s => s.Name), .. scene.Nuisances.Blurs.Select(_ => "blur")],
        };
    }

    /// <summary>Glass when less than half of the cell is tissue, else the most frequent class.</summary>
    private static TissueClass ClassOf(TissueMap map, int column, int row)
    {
        const int Points = 128 / TissueMap.Step;
        Span<int> counts = stackalloc int[5];
        for (int i = 0; i < Points * Points; i++)
        {
            float x = (column * 128) + ((i % Points) * TissueMap.Step) + (TissueMap.Step / 2);
            float y = (row * 128) + ((i / Points) * TissueMap.Step) + (TissueMap.Step / 2);
            counts[(int)map.ClassAt(x, y)]++;
        }

        if (counts[0] * 2 > Points * Points)
        {
            return TissueClass.Glass;
        }

        int best = 1;
        for (int i = 2; i < counts.Length; i++)
        {
            best = counts[i] > counts[best] ? i : best;
        }

        return (TissueClass)best;
    }

    private static int NuisanceOf(Nuisances nuisances, double x, double y, double cell)
    {
        int flags = 0;
        foreach (Stroke stroke in nuisances.Strokes)
        {
            if (stroke.Distance((float)x, (float)y) < stroke.HalfWidth + (cell / 2))
            {
                flags |= stroke.Kind == StrokeKind.Pen ? 1 : 2;
            }
        }

        return nuisances.Blurs.Any(b => b.Weight((float)x, (float)y) > 0.5) ? flags | 4 : flags;
    }

    private static int[][] Grid(int columns, int rows, Func<int, int, int> value) =>
        [.. Enumerable.Range(0, rows).Select(row => Enumerable.Range(0, columns).Select(column => value(column, row)).ToArray())];
}
