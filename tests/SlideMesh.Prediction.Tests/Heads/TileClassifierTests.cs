using System.Text.Json;
using SlideMesh.Inference.Packages;
using SlideMesh.Prediction.Bags;
using SlideMesh.Prediction.Heads;
using SlideMesh.Prediction.Outputs;
using SlideMesh.Prediction.Tests.Fakes;

namespace SlideMesh.Prediction.Tests.Heads;

public sealed class TileClassifierTests(EngineFixture fixture) : IClassFixture<EngineFixture>
{
    [Fact]
    public void Classifier_of_features_equals_PyTorch()
    {
        ModelPackage package = ModelPackage.Load(RepositoryFiles.ReferencePackage("ref-tiles"));
        using ISlideHead head = fixture.LoadReference("ref-tiles");
        foreach (JsonElement expected in RepositoryFiles.ExpectedCases("ref-tiles"))
        {
            HeadResult result = head.Evaluate(new FormulaBag(expected.GetProperty("n").GetInt32()), new CaseFacts([], []), default);

            Near.Equal(expected.GetProperty("expected_class").Numbers(), TileClassifier.MapValues(result.Tiles!, package.Manifest.TileOutput!), 1e-5);
            Near.Equal(expected.GetProperty("summary").Numbers(), result.Find("summary")!, 1e-5);
            Near.Equal(expected.GetProperty("grade_logits").Numbers(), result.Find("grade_logits")!, 1e-5);
            Near.Equal(
                expected.GetProperty("probabilities").Numbers(),
                OutputReader.Probabilities(OutputType.Ordinal, result.Find("grade_logits"), 0.8), 1e-5);
        }
    }

    [Fact]
    public void Classifier_of_pixels_takes_its_stream_as_scores_and_equals_PyTorch()
    {
        ModelPackage package = ModelPackage.Load(RepositoryFiles.ReferencePackage("ref-pixel-tiles"));
        using ISlideHead head = fixture.LoadReference("ref-pixel-tiles");
        foreach (JsonElement expected in RepositoryFiles.ExpectedCases("ref-pixel-tiles"))
        {
            float[] scores = [.. expected.GetProperty("scores").Numbers().Select(s => (float)s)];

            HeadResult result = head.Evaluate(new ArrayFeatureBag(1, scores, new long[2 * scores.Length], (256, 256)), new CaseFacts([], []), default);
            ModelOpinion opinion = OutputReader.Read("ref-pixel-tiles", "tmb", package.Manifest.Outputs, result.Outputs);

            Near.Equal(expected.GetProperty("summary").Numbers(), result.Find("summary")!, 1e-5);
            Assert.Equal(expected.GetProperty("probability").GetDouble(), opinion.Probabilities[1], 1e-5);
            RawQuantity quantity = Assert.Single(opinion.Quantities);
            Assert.Equal(expected.GetProperty("mutations_per_mb").GetDouble(), quantity.Value, 1e-4);
            Assert.Equal("mutations/Mb", quantity.Unit);
        }
    }

    [Fact]
    public void Summary_does_not_depend_on_tile_order_and_interpolates_quantiles()
    {
        float[] forward = ScoreSummary.Compute(new TileValues([0.1f, 0.2f, 0.4f, 0.5f, 0.9f], 1));
        float[] backward = ScoreSummary.Compute(new TileValues([0.9f, 0.5f, 0.4f, 0.2f, 0.1f], 1));

        Assert.Equal(forward, backward);

        // numpy 1.24: mean, std, quantile(…, [.1, .25, .5, .75, .9]), (x >= .5).mean()
        Near.Equal([0.42, 0.278567766, 0.14, 0.2, 0.4, 0.5, 0.74, 0.4], forward, 1e-6);
    }

    [Fact]
    public void Probability_map_shows_the_last_label()
    {
        var output = new TileOutput("t", "scores", ["a", "b"], "probability");

        Assert.Equal([0.8f, 0.3f], TileClassifier.MapValues(new TileValues([0.2f, 0.8f, 0.7f, 0.3f], 2), output));
    }

    [Fact]
    public void Nan_score_of_a_pixel_stream_is_a_typed_failure()
    {
        using ISlideHead head = fixture.LoadReference("ref-pixel-tiles");
        var bag = new ArrayFeatureBag(1, [0.5f, float.NaN], [0, 0, 256, 0], (256, 256));

        Assert.Equal(
            PredictionFailureReason.NonFiniteFeature,
            Assert.Throws<PredictionException>(() => head.Evaluate(bag, new CaseFacts([], []), default)).Reason);
    }
}
