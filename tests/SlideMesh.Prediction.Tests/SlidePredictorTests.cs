using System.Text.Json;
using SlideMesh.Inference.Packages;
using SlideMesh.Prediction.Bags;
using SlideMesh.Prediction.Maps;
using SlideMesh.Prediction.Omics;
using SlideMesh.Prediction.Tests.Fakes;

namespace SlideMesh.Prediction.Tests;

public sealed class SlidePredictorTests(EngineFixture fixture) : IClassFixture<EngineFixture>, IDisposable
{
    private static readonly string[] ReferencePackages = ["ref-encoder", "ref-tiles", "ref-streamed", "ref-fusion"];

    private readonly string _omics = Path.Combine(Path.GetTempPath(), $"omics-{Guid.NewGuid():N}.csv");

    public void Dispose() => File.Delete(_omics);

    [Fact]
    public void Fused_slide_equals_PyTorch_and_keeps_the_slide_only_answer_beside_it()
    {
        using SlidePredictor predictor = Reference();
        CaseContext context = Case("M", OmicsOfReference("C1"));
        JsonElement[] streamed = [.. RepositoryFiles.ExpectedCases("ref-streamed").Where(c => c.GetProperty("sex").GetString() == "M")];
        foreach ((JsonElement expected, JsonElement slideOnly) in RepositoryFiles.ExpectedCases("ref-fusion").Zip(streamed))
        {
            SlidePrediction prediction = predictor.Predict(Bags(expected.GetProperty("n").GetInt32()), context);

            TaskPrediction origin = prediction.Tasks.Single(t => t.Task == "origin");
            Assert.True(origin.IsFused);
            Near.Equal(expected.GetProperty("origin_probabilities").Numbers(), origin.Final.Probabilities, 1e-5);
            Near.Equal(slideOnly.GetProperty("origin_probabilities").Numbers(), origin.SlideOnly!.Probabilities, 1e-5);
            Assert.Equal(["ref-streamed", "ref-fusion"], origin.Members.Select(m => m.Model));

            TaskPrediction tmb = prediction.Tasks.Single(t => t.Task == "tmb");
            Assert.Null(tmb.SlideOnly);
            Assert.Equal(expected.GetProperty("mutations_per_mb").GetDouble(), Assert.Single(tmb.Final.Quantities).Value, 1e-4);
            Assert.Equal(new OmicsUse(OmicsStatus.Used, "C1", 5, 6, null), prediction.Omics);
            Assert.Empty(prediction.Notes);
        }
    }

    [Fact]
    public void Without_omics_the_slide_answers_alone_and_the_reason_is_said()
    {
        using SlidePredictor predictor = Reference();
        File.WriteAllText(_omics, "case_id,GENE1,OTHER\nC1,text,1\nC3,,1\n");
        OmicsTable table = OmicsTable.Read(_omics);

        SlidePrediction notGiven = Predict(CaseOmics.NotGiven);
        SlidePrediction missing = Predict(table.Find("C2"));
        SlidePrediction invalid = Predict(table.Find("C1"));
        SlidePrediction without = Predict(table.Find("C3"));

        Assert.Equal(
            [OmicsStatus.NotGiven, OmicsStatus.CaseMissing, OmicsStatus.Invalid, OmicsStatus.Invalid],
            new[] { notGiven, missing, invalid, without }.Select(p => p.Omics.Status));
        Assert.Contains("line 2, column 'GENE1': 'text' is not a number", invalid.Omics.Detail, StringComparison.Ordinal);
        Assert.Contains("has none of its 6 features", without.Omics.Detail, StringComparison.Ordinal);
        Assert.Equal(Origin(notGiven), Origin(invalid));
        Assert.False(notGiven.Tasks.Single(t => t.Task == "origin").IsFused);
        Assert.DoesNotContain(notGiven.Tasks, t => t.Task == "tmb");
        Assert.Equal(
            ["ref-fusion: no answer for task 'tmb', which only models with omics give and the case has no usable omics"], notGiven.Notes);

        SlidePrediction Predict(CaseOmics omics) => predictor.Predict(Bags(7), Case("M", omics));

        static IReadOnlyList<double> Origin(SlidePrediction p) => p.Tasks.Single(t => t.Task == "origin").Final.Probabilities;
    }

    [Fact]
    public void Omics_without_a_fusion_head_are_reported_as_unused()
    {
        using SlidePredictor predictor = Predictor("ref-encoder", "ref-tiles");

        SlidePrediction prediction = predictor.Predict(Bags(7), Case("F", OmicsOfReference("C1")));

        Assert.Equal(OmicsStatus.NoFusionModel, prediction.Omics.Status);
        Assert.Empty(predictor.OmicsFeatures);
    }

    [Theory]
    [InlineData("M", "M", 0)]
    [InlineData("m", "M", 0)]
    [InlineData("", "", 0)]
    [InlineData("divers", "", 1)]
    public void Covariate_text_is_encoded_and_what_the_model_does_not_know_is_noted(string sex, string sameAs, int notes)
    {
        using SlidePredictor predictor = Predictor("ref-encoder", "ref-streamed");
        JsonElement expected = RepositoryFiles.ExpectedCases("ref-streamed").Single(c => c.GetProperty("n").GetInt32() == 7 && c.GetProperty("sex").GetString() == sameAs);

        SlidePrediction prediction = predictor.Predict(Bags(7), Case(sex, CaseOmics.NotGiven));

        Near.Equal(expected.GetProperty("origin_probabilities").Numbers(), prediction.Tasks[0].Final.Probabilities, 1e-5);
        Assert.Equal(notes, prediction.Notes.Count);
        Assert.All(prediction.Notes, n => Assert.Equal("ref-streamed: sex 'divers' is not F or M; taken as not known", n));
    }

    [Fact]
    public void Maps_follow_the_rows_of_their_stream()
    {
        using SlidePredictor predictor = Reference();

        SlidePrediction prediction = predictor.Predict(Bags(300), CaseContext.Unknown);

        Assert.Equal(
            [("grade", "expected-class"), ("origin", "attention"), ("site", "attention")], prediction.Maps.Select(m => (m.Name, m.Quantity)));
        Assert.All(prediction.Maps, m => Assert.Equal(("ref-encoder", 300), (m.Stream, m.Values.Length)));
        Assert.Equal((0, 2), (prediction.Maps[0].Minimum!.Value, prediction.Maps[0].Maximum!.Value));
        JsonElement tiles = RepositoryFiles.ExpectedCases("ref-tiles").Single(c => c.GetProperty("n").GetInt32() == 300);
        Near.Equal(tiles.GetProperty("expected_class").Numbers(), prediction.Maps[0].Values, 1e-5);
        double[] attention = RepositoryFiles.ExpectedCases("ref-streamed").First(c => c.GetProperty("n").GetInt32() == 300).GetProperty("attention").Numbers();
        Near.Equal(attention.Where((_, i) => i % 2 == 1), prediction.Maps[2].Values, 1e-5);
    }

    [Fact]
    public void Demo_pipeline_merges_three_magnifications_of_tmb()
    {
        using SlidePredictor predictor = Demo(out ResolvedPipeline pipeline);
        Dictionary<string, IFeatureBag> bags = DemoBags(pipeline);

        SlidePrediction prediction = predictor.Predict(bags, CaseContext.Unknown);

        TaskPrediction tmb = prediction.Tasks.Single(t => t.Task == "tmb");
        Assert.Equal(["demo-tmb-10x", "demo-tmb-20x", "demo-tmb-5x"], tmb.Members.Select(m => m.Model));
        double Mean(OutputType type, Func<TaskAnswer, double> number)
        {
            (double Weight, double Number)[] parts =
            [
                .. tmb.Members.Select(m => (pipeline.Package(m.Model).Manifest.Outputs.Single(o => o.Type == type).Weight, number(m.Answer))),
            ];
            return parts.Sum(p => p.Weight * p.Number) / parts.Sum(p => p.Weight);
        }

        Assert.Equal(Mean(OutputType.Binary, a => a.Probabilities[1]), tmb.Final.Probabilities[1], 1e-12);
        Assert.Equal(Mean(OutputType.Regression, a => Math.Log10(a.Quantities[0].Value)), Math.Log10(tmb.Final.Quantities[0].Value), 1e-9);
        TileMap map = prediction.Maps.Single(m => m.Task == "tmb");
        Assert.Equal(("tmb", "probability", "demo-tmb-10x+demo-tmb-20x+demo-tmb-5x"), (map.Name, map.Quantity, map.Model));
        Assert.Equal(pipeline.StreamIds["demo-tmb-20x"], map.Stream);
        Assert.Equal(bags[map.Stream].Count, map.Values.Length);
        Assert.Equal(["grade", "tmb", "grade-attention", "origin", "site"], prediction.Maps.Select(m => m.Name));
    }

    [Fact]
    public void Magnification_without_tiles_is_left_out_with_a_note()
    {
        using SlidePredictor predictor = Demo(out ResolvedPipeline pipeline);
        Dictionary<string, IFeatureBag> bags = DemoBags(pipeline);
        string coarse = pipeline.StreamIds["demo-tmb-5x"];
        bags[coarse] = new FormulaBag(0, 256);

        SlidePrediction prediction = predictor.Predict(bags, CaseContext.Unknown);

        Assert.Equal(2, prediction.Tasks.Single(t => t.Task == "tmb").Members.Count);
        Assert.Equal([$"demo-tmb-5x: left out, the slide has no tile in '{coarse}'"], prediction.Notes);
    }

    [Fact]
    public void Slide_without_any_tile_or_stream_is_a_typed_failure()
    {
        using SlidePredictor predictor = Reference();

        Assert.Equal(
            PredictionFailureReason.EmptyBag,
            Assert.Throws<PredictionException>(() => predictor.Predict(Bags(0), CaseContext.Unknown)).Reason);
        Assert.Equal(
            PredictionFailureReason.StreamMissing,
            Assert.Throws<PredictionException>(() => predictor.Predict(new Dictionary<string, IFeatureBag>(), CaseContext.Unknown)).Reason);
    }

    [Fact]
    public void Same_slide_predicted_by_several_threads_is_the_same_bytes()
    {
        using SlidePredictor predictor = Demo(out ResolvedPipeline pipeline);
        Dictionary<string, IFeatureBag> bags = DemoBags(pipeline);

        string[] runs = [.. Enumerable.Range(0, 4).AsParallel().AsOrdered().Select(_ => Json(predictor.Predict(bags, Case("F", CaseOmics.NotGiven))))];

        Assert.All(runs, run => Assert.Equal(runs[0], run));
    }

    /// <summary>Every number of it, round-trip.</summary>
    private static string Json(SlidePrediction prediction) => JsonSerializer.Serialize(prediction);

    private static CaseContext Case(string sex, CaseOmics omics) => new("C1", new Dictionary<string, string> { ["sex"] = sex }, omics);

    private static Dictionary<string, IFeatureBag> Bags(int count) => new() { ["ref-encoder"] = new FormulaBag(count) };

    private CaseOmics OmicsOfReference(string caseId)
    {
        IEnumerable<string> values = Enumerable.Range(0, 6).Select(g => g == 4 ? "" : Math.Cos(0.9 * g).ToString("R"));
        File.WriteAllText(_omics, $"case_id,GENE1,GENE2,GENE3,GENE4,GENE5,GENE6\n{caseId},{string.Join(',', values)}\n");
        return OmicsTable.Read(_omics).Find(caseId);
    }

    private SlidePredictor Reference() => Predictor(ReferencePackages);

    private SlidePredictor Predictor(params string[] names) => fixture.Predictor([.. names.Select(RepositoryFiles.ReferencePackage)]);

    private SlidePredictor Demo(out ResolvedPipeline pipeline)
    {
        string[] names = ["demo-encoder", "demo-grade-mil", "demo-grade-tiles", "demo-origin", "demo-tmb-5x", "demo-tmb-10x", "demo-tmb-20x"];
        pipeline = fixture.Resolve([.. names.Select(RepositoryFiles.DemoPackage)]);
        return new SlidePredictor(pipeline, fixture.Engine);
    }

    /// <summary>Features that differ by tile, on grids that lie over each other.</summary>
    private static Dictionary<string, IFeatureBag> DemoBags(ResolvedPipeline pipeline) => pipeline.Streams.ToDictionary(
        s => s.Id,
        s =>
        {
            int edge = (int)(s.View.SizePx * s.View.MicronsPerPixel / 0.5);
            int columns = 4096 / edge;
            return (IFeatureBag)new FormulaBag(columns * columns, s.Dimension, columns: columns, edge: edge);
        });
}
