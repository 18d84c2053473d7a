using System.Globalization;
using System.Numerics.Tensors;

namespace SlideMesh.Prediction.Bags;

/// <summary>
/// Reads a bag in blocks whose boundaries depend on nothing but <see cref="BlockRows"/>, so that a float32 graph sees the same
/// rows together on every machine and the results are the same bytes. Every value that is handed out is finite, but for <see cref="ForEachUnchecked"/>.
/// </summary>
internal sealed class BagReader
{
    /// <summary>
    /// Rows of a block: 4 MiB at a width of 1,024. Part of the results: another number may change the last bits. With 4,096 the heads' arenas in
    /// ONNX Runtime grew by 125 MB from a slide of 2,700 tiles to one of 66,000.
    /// </summary>
    public const int BlockRows = 1024;

    private readonly string _model;
    private readonly IFeatureBag _bag;

    /// <param name="dimension">Width that the model wants; null takes any.</param>
    public BagReader(string model, IFeatureBag bag, int? dimension)
    {
        if (bag.Count == 0)
        {
            throw new PredictionException(
                PredictionFailureReason.EmptyBag, model, $"{model}: the slide has no tile for this model; nothing to predict from.");
        }

        if (dimension is { } wanted && wanted != bag.Dimension)
        {
            throw new PredictionException(
                PredictionFailureReason.FeatureWidth, model,
                $"{model}: wants features of width {wanted}, the slide's features have {bag.Dimension}; extract them with the encoder that model.json names.");
        }

        _model = model;
        _bag = bag;
    }

    /// <summary>Calls <paramref name="use"/>(first row, rows, values [rows, D]) for every block in order; the memory is reused.</summary>
    public void ForEachBlock(Action<int, int, ReadOnlyMemory<float>> use, CancellationToken cancellationToken)
    {
        // A bag in memory is looked at where it lies: copying 50,000 rows into fresh memory took as long as a sixth of CLAM.
        float[] buffer = _bag is ArrayFeatureBag ? [] : new float[checked(Math.Min(BlockRows, _bag.Count) * _bag.Dimension)];
        for (int start = 0; start < _bag.Count; start += BlockRows)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int rows = Math.Min(BlockRows, _bag.Count - start);
            if (_bag is ArrayFeatureBag array)
            {
                ReadOnlyMemory<float> inPlace = array.Features.Slice(start * _bag.Dimension, rows * _bag.Dimension);
                RequireFinite(start, inPlace.Span);
                use(start, rows, inPlace);
                continue;
            }

            Memory<float> block = buffer.AsMemory(0, rows * _bag.Dimension);
            ReadFinite(start, rows, block.Span);
            use(start, rows, block);
        }
    }

    /// <summary>
    /// Calls <paramref name="use"/>(values [rows, D]) for the rows in order, which may hold numbers that are not finite: for a caller that would
    /// see them in what it makes, and then asks <see cref="ForEachBlock"/> which it is. A bag in memory comes whole.
    /// </summary>
    public void ForEachUnchecked(Action<ReadOnlyMemory<float>> use, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_bag is ArrayFeatureBag array)
        {
            use(array.Features);
            return;
        }

        float[] buffer = new float[checked(Math.Min(BlockRows, _bag.Count) * _bag.Dimension)];
        for (int start = 0; start < _bag.Count; start += BlockRows)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int rows = Math.Min(BlockRows, _bag.Count - start);
            Memory<float> block = buffer.AsMemory(0, rows * _bag.Dimension);
            _bag.Read(start, rows, block.Span);
            use(block);
        }
    }

    /// <summary>All features at once, [N, D]; of a bag in memory its own, not a copy.</summary>
    public ReadOnlyMemory<float> ReadAll(CancellationToken cancellationToken)
    {
        if (_bag is ArrayFeatureBag array)
        {
            RequireFinite(0, array.Features.Span);
            return array.Features;
        }

        float[] all = new float[checked(_bag.Count * _bag.Dimension)];
        for (int start = 0; start < _bag.Count; start += BlockRows)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int rows = Math.Min(BlockRows, _bag.Count - start);
            ReadFinite(start, rows, all.AsSpan(start * _bag.Dimension, rows * _bag.Dimension));
        }

        return all;
    }

    private void ReadFinite(int start, int rows, Span<float> block)
    {
        _bag.Read(start, rows, block);
        RequireFinite(start, block);
    }

    private void RequireFinite(int start, ReadOnlySpan<float> block)
    {
        if (TensorPrimitives.IsFiniteAll(block))
        {
            return;
        }

        for (int i = 0; i < block.Length; i++)
        {
            if (!float.IsFinite(block[i]))
            {
                int row = start + (i / _bag.Dimension);
                string place = _bag.Coordinates.IsEmpty
                    ? ""
                    : string.Create(CultureInfo.InvariantCulture, $" (level-0 {_bag.Coordinates[2 * row]}, {_bag.Coordinates[(2 * row) + 1]})");
                throw new PredictionException(
                    PredictionFailureReason.NonFiniteFeature, _model,
                    string.Create(CultureInfo.InvariantCulture,
                        $"{_model}: feature {i % _bag.Dimension} of tile {row}{place} is {block[i]}; extract the slide's features again."));
            }
        }
    }
}
