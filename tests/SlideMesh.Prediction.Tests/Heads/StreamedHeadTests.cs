using System.Text.Json;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;
using SlideMesh.Prediction.Bags;
using SlideMesh.Prediction.Heads;
using SlideMesh.Prediction.Outputs;
using SlideMesh.Prediction.Tests.Fakes;

namespace SlideMesh.Prediction.Tests.Heads;

public sealed class StreamedHeadTests(EngineFixture fixture) : IClassFixture<EngineFixture>
{
    [Fact]
    public void Streamed_head_equals_PyTorch()
    {
        using ISlideHead head = fixture.LoadReference("ref-streamed");
        foreach (JsonElement expected in RepositoryFiles.ExpectedCases("ref-streamed"))
        {
            int n = expected.GetProperty("n").GetInt32();
            float sex = expected.GetProperty("sex").GetString() == "M" ? 1 : 0.5f;

            HeadResult result = head.Evaluate(new FormulaBag(n), new CaseFacts([sex], []), default);

            Near.Equal(expected.GetProperty("attention").Numbers(), result.Tiles!.Values, 1e-5);
            Near.Equal(expected.GetProperty("pooled").Numbers(), result.Find("pooled")!, 1e-5);
            Near.Equal(expected.GetProperty("origin_logits").Numbers(), result.Find("origin_logits")!, 1e-5);
            Near.Equal(
                expected.GetProperty("origin_probabilities").Numbers(),
                OutputReader.Probabilities(OutputType.Categorical, result.Find("origin_logits"), 2), 1e-5);
            Near.Equal(
                expected.GetProperty("site_probabilities").Numbers(),
                OutputReader.Probabilities(OutputType.Categorical, result.Find("site_logits"), 1), 1e-5);
        }
    }

    [Fact]
    public void Streamed_head_over_many_blocks_equals_PyTorch()
    {
        JsonElement expected = RepositoryFiles.OwnReference("large_bag_reference.json");
        using ISlideHead head = fixture.LoadReference("ref-streamed");
        var bag = new FormulaBag(expected.GetProperty("n").GetInt32());

        HeadResult result = head.Evaluate(bag, new CaseFacts([1], []), default);

        Assert.True(bag.LargestRead < bag.Count);
        Near.Equal(expected.GetProperty("pooled").Numbers(), result.Find("pooled")!, 1e-5);
        Near.Equal(
            expected.GetProperty("originProbabilities").Numbers(),
            OutputReader.Probabilities(OutputType.Categorical, result.Find("origin_logits"), 2), 1e-5);
        Near.Equal(
            expected.GetProperty("attention").Numbers(),
            expected.GetProperty("attentionRows").EnumerateArray().SelectMany(r => result.Tiles!.Values.Skip(2 * r.GetInt32()).Take(2)), 1e-5);
    }

    [Fact]
    public void Whole_bag_head_equals_PyTorch()
    {
        using ISlideHead head = fixture.LoadReference("ref-whole");
        foreach (JsonElement expected in RepositoryFiles.ExpectedCases("ref-whole"))
        {
            HeadResult result = head.Evaluate(new FormulaBag(expected.GetProperty("n").GetInt32()), new CaseFacts([1], []), default);

            Near.Equal(expected.GetProperty("attention").Numbers(), result.Tiles!.Values, 1e-5);
            Near.Equal(
                expected.GetProperty("origin_probabilities").Numbers(),
                OutputReader.Probabilities(OutputType.Categorical, result.Find("origin_logits"), 1), 1e-5);
        }
    }

    [Fact]
    public void Order_of_the_bag_changes_no_probability()
    {
        const int Count = 9000;
        int[] order = [.. Enumerable.Range(0, Count)];
        new Random(5).Shuffle(order);
        using ISlideHead head = fixture.LoadReference("ref-streamed");

        HeadResult plain = head.Evaluate(new FormulaBag(Count), new CaseFacts([1], []), default);
        HeadResult shuffled = head.Evaluate(new FormulaBag(Count, feature: (i, j) => FormulaBag.Reference(order[i], j)), new CaseFacts([1], []), default);

        Near.Equal(
            OutputReader.Probabilities(OutputType.Categorical, plain.Find("origin_logits"), 1),
            OutputReader.Probabilities(OutputType.Categorical, shuffled.Find("origin_logits"), 1), 1e-6);
        Assert.Equal(plain.Tiles!.Values[2 * order[17]], shuffled.Tiles!.Values[2 * 17], 1e-6f);
    }

    [Fact]
    public void Repeated_evaluation_is_the_same_bits()
    {
        using ISlideHead head = fixture.LoadReference("ref-streamed");
        float[][] runs = [.. Enumerable.Range(0, 4).AsParallel().AsOrdered().Select(_ => head.Evaluate(new FormulaBag(5000), new CaseFacts([1], []), default).Find("origin_logits")!)];

        Assert.All(runs, run => Assert.Equal(runs[0], run));
    }

    [Fact]
    public void Scores_far_outside_of_the_range_of_exp_are_pooled_exactly()
    {
        // Attention grows with the row, by 1,000 a block boundary: exp overflows without the shift, and each block outweighs all before.
        using StreamedHead head = FakeSession.Identity(1, row => row.Span[0]);
        var bag = new FormulaBag(9000, 1, (i, _) => i < 4096 ? 1000 : i < 8192 ? -30000 : 2000);

        HeadResult result = head.Evaluate(bag, new CaseFacts([], []), default);

        Assert.Equal(2000f, result.Find("pooled")![0]);
    }

    [Fact]
    public void Equal_scores_pool_to_the_mean()
    {
        using StreamedHead head = FakeSession.Identity(2, _ => 3);

        HeadResult result = head.Evaluate(new FormulaBag(10_001, 2, (i, j) => j == 0 ? i : -1), new CaseFacts([], []), default);

        Near.Equal([5000, -1], result.Find("pooled")!, 1e-3);
    }

    [Fact]
    public void Nan_feature_is_a_typed_failure_that_names_model_and_tile()
    {
        using ISlideHead head = fixture.LoadReference("ref-streamed");
        var bag = new FormulaBag(5000, feature: (i, j) => i == 4321 && j == 3 ? float.NaN : 0);

        PredictionException e = Assert.Throws<PredictionException>(() => head.Evaluate(bag, new CaseFacts([1], []), default));

        Assert.Equal(PredictionFailureReason.NonFiniteFeature, e.Reason);
        Assert.Equal("ref-streamed", e.Model);
        Assert.Contains("feature 3 of tile 4321 (level-0 5376, 11008) is NaN", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Infinite_attention_is_a_typed_failure_that_names_the_graph()
    {
        using StreamedHead head = FakeSession.Identity(1, row => row.Span[0] == 5 ? float.PositiveInfinity : 0);

        PredictionException e = Assert.Throws<PredictionException>(() => head.Evaluate(new FormulaBag(10, 1, (i, _) => i), new CaseFacts([], []), default));

        Assert.Equal(PredictionFailureReason.NonFiniteOutput, e.Reason);
        Assert.Contains("fake: output 'attention' of the graph 'instance' is Infinity at position 5", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Engine_failure_names_model_and_graph()
    {
        HeadGraph graph = FakeSession.Graph(GraphRole.Whole, [("features", [-1, 16])], ["out"], _ => throw new InferenceException("no kernel"));
        using var head = new WholeBagHead(graph, 16);

        InferenceException e = Assert.Throws<InferenceException>(() => head.Evaluate(new FormulaBag(3), new CaseFacts([], []), default));

        Assert.Equal("fake: the graph 'whole' failed: no kernel", e.Message);
    }

    [Theory]
    [InlineData(0, 16, PredictionFailureReason.EmptyBag)]
    [InlineData(3, 17, PredictionFailureReason.FeatureWidth)]
    public void Unusable_bag_is_a_typed_failure(int count, int dimension, PredictionFailureReason reason)
    {
        using ISlideHead head = fixture.LoadReference("ref-streamed");

        Assert.Equal(reason, Assert.Throws<PredictionException>(() => head.Evaluate(new FormulaBag(count, dimension), new CaseFacts([1], []), default)).Reason);
    }

    [Fact]
    public void Whole_bag_above_the_bound_is_refused_before_it_is_read()
    {
        HeadGraph graph = FakeSession.Graph(GraphRole.Whole, [("features", [-1, 16])], ["out"], _ => throw new InvalidOperationException());
        using var head = new WholeBagHead(graph, 16, maxBagBytes: 1000 * 16 * sizeof(float));
        var bag = new FormulaBag(1001);

        PredictionException e = Assert.Throws<PredictionException>(() => head.Evaluate(bag, new CaseFacts([], []), default));

        Assert.Equal(PredictionFailureReason.BagTooLarge, e.Reason);
        Assert.Contains("1001 tiles × 16 are 64064 bytes, above its bound of 64000", e.Message, StringComparison.Ordinal);
        Assert.Equal(0, bag.LargestRead);
    }

    [Fact]
    public void Cancelled_evaluation_stops_between_blocks()
    {
        using var source = new CancellationTokenSource();
        int read = 0;
        using StreamedHead head = FakeSession.Identity(1, _ => 0);
        var bag = new FormulaBag(
            20_000, 1,
            (i, _) =>
            {
                read = i;
                if (i == 100)
                {
                    source.Cancel();
                }

                return 0;
            });

        Assert.Throws<OperationCanceledException>(() => head.Evaluate(bag, new CaseFacts([], []), source.Token));

        Assert.Equal(BagReader.BlockRows - 1, read);
    }

    [Fact]
    public void Memory_of_a_large_bag_is_one_block_and_the_attention()
    {
        const int Count = 200_000;
        const int Width = 256;
        const int Hidden = 64;

        // A graph that allocates nothing after the first block, so that all that is measured belongs to the head.
        float[] hidden = new float[BagReader.BlockRows * Hidden];
        float[] attention = new float[BagReader.BlockRows];
        var lastRows = (Count % BagReader.BlockRows, new float[Count % BagReader.BlockRows * Hidden], new float[Count % BagReader.BlockRows]);
        Tensor[] full = [new(GraphRole.HiddenTensor, hidden, []), new(GraphRole.AttentionTensor, attention, [])];
        Tensor[] last = [new(GraphRole.HiddenTensor, lastRows.Item2, []), new(GraphRole.AttentionTensor, lastRows.Item3, [])];
        HeadGraph instance = FakeSession.Graph(
            GraphRole.Instance, [("features", [-1, Width])], [GraphRole.HiddenTensor, GraphRole.AttentionTensor],
            inputs => inputs[0].Shape[0] == BagReader.BlockRows ? full : last);
        using var head = new StreamedHead(instance, FakeSession.PooledOut(Hidden), Width);
        var bag = new FormulaBag(Count, Width, (i, j) => (i ^ j) & 1);

        long before = GC.GetAllocatedBytesForCurrentThread();
        HeadResult result = head.Evaluate(bag, new CaseFacts([], []), default);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(Count, result.Tiles!.Values.Length);
        long block = BagReader.BlockRows * (long)Width * sizeof(float);
        long attentionBytes = Count * (long)sizeof(float);
        Assert.InRange(allocated, 1, block + attentionBytes + (256 << 10));
    }
}
