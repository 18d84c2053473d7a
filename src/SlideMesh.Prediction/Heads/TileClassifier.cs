using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;
using SlideMesh.Prediction.Bags;
using SlideMesh.Prediction.Maps;

namespace SlideMesh.Prediction.Heads;

/// <summary>
/// Scores every tile, and reads the slide's answer from how the scores are distributed. With a graph on an encoder's features the
/// scores are computed here, block by block; a classifier of pixels has run tile by tile before, and its features are the scores.
/// </summary>
/// <param name="tile">Graph from features [N, D] to scores [N, C]; null when the features are the scores.</param>
/// <param name="summary">Graph from the summary [1, 8 C] to the outputs; null when the model only speaks about tiles.</param>
internal sealed class TileClassifier(string model, TileOutput tileOutput, HeadGraph? tile, HeadGraph? summary, int? dimension) : ISlideHead
{
    private readonly int _classes = tileOutput.Labels.Count;

    public HeadResult Evaluate(IFeatureBag bag, CaseFacts facts, CancellationToken cancellationToken)
    {
        TileValues scores = new(Scores(bag, cancellationToken), _classes);
        float[] distribution = ScoreSummary.Compute(scores);
        var intermediates = new Dictionary<string, float[]> { [GraphRole.Summary] = distribution };
        IReadOnlyDictionary<string, Tensor> outputs =
            summary?.RunLast(distribution, facts) ?? new Dictionary<string, Tensor>();
        return new HeadResult(outputs, intermediates, scores);
    }

    /// <summary>One number per tile as the package's tile output wants it shown.</summary>
    public static float[] MapValues(TileValues scores, TileOutput output)
    {
        if (output.Quantity != TileQuantity.ExpectedClass)
        {
            return scores.Column(scores.Width - 1);
        }

        float[] expected = new float[scores.Values.Length / scores.Width];
        for (int i = 0; i < expected.Length; i++)
        {
            double sum = 0;
            for (int c = 1; c < scores.Width; c++)
            {
                sum += (double)c * scores.Values[(i * scores.Width) + c];
            }

            expected[i] = (float)sum;
        }

        return expected;
    }

    public void Dispose()
    {
        tile?.Dispose();
        summary?.Dispose();
    }

    private float[] Scores(IFeatureBag bag, CancellationToken cancellationToken)
    {
        var reader = new BagReader(model, bag, tile is null ? _classes : dimension);
        if (tile is null)
        {
            return reader.ReadAll(cancellationToken).ToArray();
        }

        float[] scores = new float[checked(bag.Count * _classes)];
        string input = tile.MainInput.Name;
        reader.ForEachBlock(
            (start, rows, block) =>
            {
                IReadOnlyDictionary<string, Tensor> outputs = tile.Run((input, block));
                if (!outputs.TryGetValue(tileOutput.Tensor, out Tensor? output) || output.Data.Length != rows * _classes)
                {
                    throw tile.Contract($"the graph 'tile' did not give '{tileOutput.Tensor}' with {_classes} scores for each of {rows} rows");
                }

                output.Data.CopyTo(scores, start * _classes);
            },
            cancellationToken);
        return scores;
    }
}
