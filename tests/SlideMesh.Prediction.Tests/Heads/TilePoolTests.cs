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
