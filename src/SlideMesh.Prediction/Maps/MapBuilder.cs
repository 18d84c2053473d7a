using SlideMesh.Inference.Packages;
using SlideMesh.Prediction.Bags;
using SlideMesh.Prediction.Heads;

namespace SlideMesh.Prediction.Maps;

/// <summary>
/// Names and makes the maps of a slide. A tile classifier's map has its task's name; classifiers of one task at several
/// magnifications share one map on the finest grid. An attention map has its task's name too, or <c>task-attention</c> where a tile
/// classifier has taken it; a further column's is <c>task-attention-name</c>. Where that name is taken as well, the package's name follows.
/// </summary>
internal static class MapBuilder
{
    public static IReadOnlyList<TileMap> Build(IReadOnlyList<HeadOnSlide> heads)
    {
        var maps = new List<TileMap>();
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (IGrouping<string, HeadOnSlide> scales in heads.Where(h => h.Manifest.TileOutput is not null).GroupBy(Meaning, StringComparer.Ordinal))
        {
            maps.Add(TileClassifierMap([.. scales], names));
        }

        foreach (HeadOnSlide head in heads.Where(h => h.Manifest.TileOutput is null && h.Result.Tiles is not null))
        {
            foreach (TaskOutput output in head.Manifest.Outputs.Where(o => o.Attention is not null).DistinctBy(o => o.Task))
            {
                string name = Unique(names, head.Manifest.Name, output.Task, $"{output.Task}-attention");
                maps.Add(AttentionColumn(head, output, name, output.Attention!.Value));
            }

            foreach ((TaskOutput output, AttentionMap map) in head.Manifest.Outputs.SelectMany(o => o.AttentionMaps.Select(m => (o, m))))
            {
                string name = $"{output.Task}-attention-{map.Name}";
                maps.Add(AttentionColumn(head, output, Unique(names, head.Manifest.Name, name, name), map.Column));
            }
        }

        return maps;
    }

    /// <summary>Maps with the same meaning can be averaged.</summary>
    private static string Meaning(HeadOnSlide head)
    {
        TileOutput tiles = head.Manifest.TileOutput!;
        return string.Join('\n', [tiles.Task, tiles.Quantity, .. tiles.Labels]);
    }

    private static TileMap TileClassifierMap(HeadOnSlide[] scales, HashSet<string> names)
    {
        TileOutput output = scales[0].Manifest.TileOutput!;
        (IFeatureBag Bag, float[] Values)[] values = [.. scales.Select(s => (s.Bag, TileClassifier.MapValues(s.Result.Tiles!, output)))];
        int finest = ScaleMerge.Finest([.. scales.Select(s => s.Bag)]);
        string model = string.Join('+', scales.Select(s => s.Manifest.Name));
        double maximum = output.Quantity == TileQuantity.ExpectedClass ? output.Labels.Count - 1 : 1;
        return new TileMap(
            Unique(names, scales[0].Manifest.Name, output.Task, $"{output.Task}-tiles"), output.Task, model, scales[finest].Stream, output.Quantity,
            scales.Length == 1 ? values[0].Values : ScaleMerge.Combine(values), 0, maximum)
        {
            ClassLabels = output.Quantity == TileQuantity.ExpectedClass ? output.Labels : [],
        };
    }

    private static TileMap AttentionColumn(HeadOnSlide head, TaskOutput output, string name, int column)
    {
        TileValues attention = head.Result.Tiles!;
        return column < attention.Width
            ? new TileMap(name, output.Task, head.Manifest.Name, head.Stream, TileQuantity.Attention, attention.Column(column), null, null)
            : throw new PredictionException(
                PredictionFailureReason.PackageContract, head.Manifest.Name,
                $"{head.Manifest.Name}: task '{output.Task}' names attention column {column}, the graph gives {attention.Width}; the package does not match its model.json.");
    }

    private static string Unique(HashSet<string> names, string model, string first, string second) =>
        names.Add(first) ? first
        : names.Add(second) ? second
        : names.Add($"{second}-{model}") ? $"{second}-{model}"
        : throw new PredictionException(
            PredictionFailureReason.IncompatibleModels, model, $"{model}: no free name for its map of '{first}'; rename the package.");
}

/// <summary>A head with what it was given and what it said.</summary>
internal sealed record HeadOnSlide(ModelManifest Manifest, string Stream, IFeatureBag Bag, HeadResult Result);
