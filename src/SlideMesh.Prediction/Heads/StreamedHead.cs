using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;
using SlideMesh.Prediction.Bags;

namespace SlideMesh.Prediction.Heads;

/// <summary>
/// A head whose tiles meet only in a pool (AB-MIL, CLAM, TOAD, mean and maximum): the graph <c>instance</c> runs block by block and gives hidden
/// rows [N, H] and raw attention [N, K]; what <see cref="Pooling"/> makes of them, [1, K, H], and the covariates go through the graph <c>bag</c>.
/// Without an instance graph the features themselves are pooled. Memory: one block and the attention, whatever the size of the slide.
/// </summary>
/// <param name="threads">For pooling features as they are; the graphs have theirs.</param>
internal sealed class StreamedHead(HeadGraph? instance, HeadGraph bagGraph, int? dimension, Pooling pooling = Pooling.Attention, int threads = 1) : ISlideHead
{
    public HeadResult Evaluate(IFeatureBag bag, CaseFacts facts, CancellationToken cancellationToken)
    {
        var reader = new BagReader(bagGraph.Model, bag, dimension);
        (float[] pooled, TileValues? tiles) = instance is null
            ? (PoolFeatures(reader, bag.Dimension, cancellationToken), null)
            : PoolHidden(instance, reader, bag.Count, cancellationToken);
        return new HeadResult(
            bagGraph.RunLast(pooled, facts), new Dictionary<string, float[]> { [GraphRole.PooledTensor] = pooled }, tiles);
    }

    public void Dispose()
    {
        instance?.Dispose();
        bagGraph.Dispose();
    }

    private float[] PoolFeatures(BagReader reader, int width, CancellationToken cancellationToken)
    {
        // Not checked first: that would read a bag twice, and reading is all that takes time here.
        SumPool pool = new(width, pooling == Pooling.Mean, threads);
        reader.ForEachUnchecked(block => pool.Add(block, []), cancellationToken);
        float[] pooled = pool.Pooled();
        if (!pool.IsFinite)
        {
            reader.ForEachBlock((_, _, _) => { }, cancellationToken);
        }

        return pooled;
    }

    private (float[] Pooled, TileValues? Tiles) PoolHidden(HeadGraph graph, BagReader reader, int count, CancellationToken cancellationToken)
    {
        string input = graph.MainInput.Name;
        bool weighs = pooling is Pooling.Attention or Pooling.Top;
        bool hasAttention = weighs || graph.Spec.Outputs.Any(o => o.Name == GraphRole.AttentionTensor);
        ITilePool? pool = null;
        float[] attention = [];
        int hiddenWidth = 0;
        int columns = 0;
        IReadOnlyDictionary<string, Tensor>? outputs = null;
        int outputRows = 0;
        reader.ForEachBlock(
            (start, rows, block) =>
            {
                outputs = graph.RunInto(input, block, rows == outputRows ? outputs : null);
                outputRows = rows;
                float[] hidden = Rows(graph, outputs, GraphRole.HiddenTensor, rows, ref hiddenWidth);
                float[] scores = hasAttention ? Rows(graph, outputs, GraphRole.AttentionTensor, rows, ref columns) : [];
                if (pool is null)
                {
                    pool = NewPool(columns, hiddenWidth);
                    attention = new float[checked(count * columns)];
                }

                scores.CopyTo(attention, start * columns);
                pool.Add(hidden, scores);
            },
            cancellationToken);
        return (pool!.Pooled(), hasAttention ? new TileValues(attention, columns) : null);
    }

    private ITilePool NewPool(int columns, int hidden) => pooling switch
    {
        Pooling.Mean => new SumPool(hidden, mean: true, threads),
        Pooling.Sum => new SumPool(hidden, mean: false, threads),
        Pooling.Maximum => new MaximumPool(hidden),
        Pooling.Top => new TopPool(columns, hidden),
        _ => new AttentionPool(columns, hidden),
    };

    /// <param name="width">Of a row; 0 before the first block.</param>
    private static float[] Rows(HeadGraph graph, IReadOnlyDictionary<string, Tensor> outputs, string name, int rows, ref int width)
    {
        if (!outputs.TryGetValue(name, out Tensor? tensor) || tensor.Data.Length == 0 || tensor.Data.Length % rows != 0
            || (width > 0 && tensor.Data.Length != rows * width))
        {
            throw graph.Contract($"the graph 'instance' did not give '{name}' for each of {rows} rows");
        }

        width = tensor.Data.Length / rows;
        return tensor.Data;
    }
}
