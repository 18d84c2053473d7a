using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;
using SlideMesh.Prediction.Bags;
using SlideMesh.Prediction.Heads;
using SlideMesh.Prediction.Tests.Fakes;

namespace SlideMesh.Prediction.Tests.Heads;

public sealed class TilePoolTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Mean_of_features_is_the_same_bits_from_memory_in_blocks_and_on_several_threads(int threads)
    {
        const int Width = 301;
        FormulaBag blocks = new(5003, Width);
        float[] features = new float[5003 * Width];
        blocks.Read(0, 5003, features);
        ArrayFeatureBag whole = new(Width, features, new long[2 * 5003], (1, 1));
        using StreamedHead head = new(null, FakeSession.PooledOut(Width), Width, Pooling.Mean, threads);

        float[] fromMemory = head.Evaluate(whole, new CaseFacts([], []), CancellationToken.None).Outputs["out"].Data;
        float[] fromBlocks = head.Evaluate(blocks, new CaseFacts([], []), CancellationToken.None).Outputs["out"].Data;

        Assert.Equal(fromBlocks, fromMemory);
        Near.Equal(Enumerable.Range(0, Width).Select(h => Enumerable.Range(0, 5003).Average(i => (double)features[(i * Width) + h])), fromMemory, 1e-7);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Sum_of_more_rows_than_are_summed_at_a_time_is_the_same_bits_on_any_number_of_threads(int threads)
    {
        // 128 chunks of 256 rows are a wave; the last chunk and the last four rows are not whole.
        const int Width = 17;
        float[] features = new float[70_003 * Width];
        for (int i = 0; i < features.Length; i++)
        {
            features[i] = FormulaBag.Reference(i / Width, i % Width) * (i % 7 == 0 ? 1e4f : 1);
        }

        SumPool alone = new(Width, mean: false);
        SumPool shared = new(Width, mean: false, threads);
        alone.Add(features, []);
        shared.Add(features, []);

        Assert.Equal(alone.Pooled(), shared.Pooled());
        for (int h = 0; h < Width; h++)
        {
            double sum = Enumerable.Range(0, 70_003).Sum(i => (double)features[(i * Width) + h]);
            Assert.InRange(shared.Pooled()[h] - sum, -1e-7 * Math.Abs(sum) - 1e-3, 1e-7 * Math.Abs(sum) + 1e-3);
        }
    }

    [Fact]
    public void Top_pool_takes_the_first_of_equal_scores_within_a_block_and_from_block_to_block()
    {
        TopPool pool = new(columns: 2, hidden: 2);
        pool.Add(new float[] { 1, 2, 3, 4, 5, 6 }, [7, 0, 7, 9, 6, 9]);
        pool.Add(new float[] { 10, 20, 30, 40 }, [7, 9, 7, 9]);

        // Column 0: rows 0, 1, 3 and 4 have 7; column 1: rows 1 to 4 have 9.
        Assert.Equal([1, 2, 3, 4], pool.Pooled());
        pool.Add(new float[] { -1, -2 }, [7.5f, 8]);
        Assert.Equal([-1, -2, 3, 4], pool.Pooled());
    }

    [Fact]
    public void Top_pool_of_a_bag_of_equal_scores_is_its_first_tile()
    {
        using StreamedHead head = new(
            FakeSession.Graph(
                GraphRole.Instance, [("features", [-1, 2])], [GraphRole.HiddenTensor, GraphRole.AttentionTensor],
                inputs =>
                [
                    new Tensor(GraphRole.HiddenTensor, inputs[0].Data.ToArray(), inputs[0].Shape),
                    new Tensor(GraphRole.AttentionTensor, new float[inputs[0].Shape[0]], [inputs[0].Shape[0], 1]),
                ]),
            FakeSession.PooledOut(2), 2, Pooling.Top);

        HeadResult result = head.Evaluate(new FormulaBag(3000, 2, (i, j) => i + 100 + (j * 0.5f)), new CaseFacts([], []), CancellationToken.None);

        Assert.Equal([100f, 100.5f], result.Find(GraphRole.PooledTensor)!);
        Assert.All(result.Tiles!.Values, score => Assert.Equal(0, score));
    }

    [Fact]
    public void Blocks_share_a_graphs_output_memory_and_every_row_still_counts()
    {
        // Whole blocks, then a rest of another length: the outputs of one must not stand in for those of the next.
        FormulaBag bag = new(5003, 3, (i, j) => (i * 3) + j);
        using StreamedHead head = FakeSession.Identity(3, row => row.Span[0] % 11);

        float[] attention = head.Evaluate(bag, new CaseFacts([], []), CancellationToken.None).Tiles!.Values;

        Assert.Equal(Enumerable.Range(0, 5003).Select(i => i * 3f % 11), attention);
    }

    [Fact]
    public void Mean_of_features_names_the_number_that_is_not_finite()
    {
        FormulaBag bag = new(2000, 16, (i, j) => i == 1500 && j == 3 ? float.NaN : 1);
        using StreamedHead head = new(null, FakeSession.PooledOut(16), 16, Pooling.Mean);

        PredictionException failure = Assert.Throws<PredictionException>(() => head.Evaluate(bag, new CaseFacts([], []), CancellationToken.None));

        Assert.Equal(PredictionFailureReason.NonFiniteFeature, failure.Reason);
        Assert.Contains("feature 3 of tile 1500", failure.Message, StringComparison.Ordinal);
    }
}
