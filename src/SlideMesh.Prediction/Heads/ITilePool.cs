using SlideMesh.Inference.Packages;

namespace SlideMesh.Prediction.Heads;

/// <summary>
/// What is left of a bag after its blocks were added in order: see <see cref="Pooling"/>. The same rows in the same order give the same bits,
/// however they are cut into whole <see cref="Bags.BagReader.BlockRows"/> and a rest. Not thread-safe.
/// </summary>
internal interface ITilePool
{
    /// <param name="hidden">[rows, H].</param>
    /// <param name="attention">Raw scores, [rows, K]; empty for pools that take none.</param>
    void Add(ReadOnlyMemory<float> hidden, ReadOnlySpan<float> attention);

    /// <summary>[K, H] so far.</summary>
    float[] Pooled();
}
