using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;
using SlideMesh.Prediction.Bags;

namespace SlideMesh.Prediction.Heads;

/// <summary>
/// Attention pooling over a bag of any size (AB-MIL, CLAM, TOAD): the graph <c>instance</c> runs block by block and gives hidden
/// rows [N, H] and raw attention [N, K]; their softmax-weighted means [1, K, H] and the covariates go through the graph <c>bag</c>.
/// Memory: one block and the attention, whatever the size of the slide.
/// </summary>
internal sealed class AttentionHead(HeadGraph instance, HeadGraph bagGraph, int? dimension) : ISlideHead
{
    public HeadResult Evaluate(IFeatureBag bag, CaseFacts facts, CancellationToken cancellationToken)
    {
        string input = instance.MainInput.Name;
        AttentionPool? pool = null;
        float[] attention = [];
        new BagReader(instance.Model, bag, dimension).ForEachBlock(
            (start, rows, block) =>
            {
                IReadOnlyDictionary<string, Tensor> outputs = instance.Run((input, block));
                float[] hidden = Rows(outputs, GraphRole.HiddenTensor, rows, pool?.Hidden);
                float[] scores = Rows(outputs, GraphRole.AttentionTensor, rows, pool?.Columns);
                if (pool is null)
                {
                    pool = new AttentionPool(scores.Length / rows, hidden.Length / rows);
                    attention = new float[checked(bag.Count * pool.Columns)];
                }

                scores.CopyTo(attention, start * pool.Columns);
                pool.Add(hidden, scores);
            },
            cancellationToken);

        float[] pooled = pool!.Pooled();
        return new HeadResult(
            bagGraph.RunLast(pooled, facts),
            new Dictionary<string, float[]> { [GraphRole.PooledTensor] = pooled },
            new TileValues(attention, pool.Columns));
    }

    public void Dispose()
    {
        instance.Dispose();
        bagGraph.Dispose();
    }

    private float[] Rows(IReadOnlyDictionary<string, Tensor> outputs, string name, int rows, int? width)
    {
        if (!outputs.TryGetValue(name, out Tensor? tensor) || tensor.Data.Length == 0 || tensor.Data.Length % rows != 0
            || (width is { } w && tensor.Data.Length != rows * w))
        {
            throw instance.Contract($"the graph 'instance' did not give '{name}' for each of {rows} rows");
        }

        return tensor.Data;
    }
}
