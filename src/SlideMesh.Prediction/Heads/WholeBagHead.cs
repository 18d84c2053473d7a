using System.Globalization;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;
using SlideMesh.Prediction.Bags;

namespace SlideMesh.Prediction.Heads;

/// <summary>
/// A head that must see all features at once (graph <c>whole</c>, e.g. self-attention between tiles). Refuses a bag whose features
/// are larger than <see cref="MaxBagBytes"/>: such graphs need a multiple of that on top.
/// </summary>
internal sealed class WholeBagHead(HeadGraph whole, int? dimension, long maxBagBytes = WholeBagHead.MaxBagBytes) : ISlideHead
{
    /// <summary>512 MiB: 131,072 tiles of width 1,024.</summary>
    public const long MaxBagBytes = 512L << 20;

    public HeadResult Evaluate(IFeatureBag bag, CaseFacts facts, CancellationToken cancellationToken)
    {
        long bytes = (long)bag.Count * bag.Dimension * sizeof(float);
        if (bytes > maxBagBytes)
        {
            throw new PredictionException(
                PredictionFailureReason.BagTooLarge, whole.Model,
                string.Create(CultureInfo.InvariantCulture,
                    $"{whole.Model}: needs all features at once, and {bag.Count} tiles × {bag.Dimension} are {bytes} bytes, above its bound of {maxBagBytes}; use a streamed head for this slide, or larger tiles."));
        }

        ReadOnlyMemory<float> features = new BagReader(whole.Model, bag, dimension).ReadAll(cancellationToken);
        IReadOnlyDictionary<string, Tensor> outputs = whole.RunLast(features, facts);
        return new HeadResult(outputs, new Dictionary<string, float[]>(), Attention(outputs, bag.Count));
    }

    public void Dispose() => whole.Dispose();

    private TileValues? Attention(IReadOnlyDictionary<string, Tensor> outputs, int rows)
    {
        if (!outputs.TryGetValue(GraphRole.AttentionTensor, out Tensor? attention))
        {
            return null;
        }

        return attention.Data.Length > 0 && attention.Data.Length % rows == 0
            ? new TileValues(attention.Data, attention.Data.Length / rows)
            : throw whole.Contract($"the graph 'whole' did not give '{GraphRole.AttentionTensor}' for each of {rows} rows");
    }
}
