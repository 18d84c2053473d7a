using SlideMesh.Inference.OnnxRuntime;
using SlideMesh.Inference.Packages;
using SlideMesh.Models.Architectures;
using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;
using SlideMesh.Models.Packaging;

namespace SlideMesh.Models.Tests.Packaging;

public sealed class OnnxImportTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly OnnxRuntimeEngine _engine = new();

    [Fact]
    public void Pixels_make_an_encoder_and_with_classes_a_tile_classifier()
    {
        ImportOptions options = new() { MicronsPerPixel = 0.5, Task = "tumour" };
        ModelManifest encoder = Import("encoder", PixelGraph(softmax: true), options).Manifest;
        ModelManifest classifier = Import("classifier", PixelGraph(softmax: true), options with { Classes = ["a", "b"] }).Manifest;

        Assert.Equal((ModelKind.Encoder, 32), (encoder.Kind, encoder.Tile!.SizePx));
        Assert.Equal((ModelKind.TileClassifier, "tumour"), (classifier.Kind, classifier.TileOutput!.Task));
    }

    [Fact]
    public void Scores_that_are_no_probabilities_are_refused()
    {
        Assert.Contains("no probabilities", Refused<CheckpointException>(PixelGraph(softmax: false), new ImportOptions { MicronsPerPixel = 0.5, Task = "t", Classes = ["a", "b"] }), StringComparison.Ordinal);
    }

    [Fact]
    public void Features_make_a_head_of_the_whole_bag()
    {
        ModelManifest head = Import("head", HeadGraph(-1), new ImportOptions { Task = "grade", Classes = ["1", "2", "3"] }).Manifest;

        Assert.Equal((ModelKind.SlideHead, 4), (head.Kind, head.Encoder!.Dimension));
        Assert.Equal(OutputType.Categorical, Assert.Single(head.Outputs).Type);
    }

    [Fact]
    public void What_does_not_fit_is_refused_with_what_to_do()
    {
        ImportOptions options = new() { Task = "grade", Classes = ["1", "2", "3"] };
        Assert.Contains("export it with a dynamic bag axis", Refused<CheckpointException>(HeadGraph(3), options), StringComparison.Ordinal);
        Assert.Contains("names 2, this model has 3", Refused<ImportOptionException>(HeadGraph(-1), options with { Classes = ["1", "2"] }), StringComparison.Ordinal);
        Assert.Contains("--task NAME", Refused<ImportOptionException>(HeadGraph(-1), options with { Task = null }), StringComparison.Ordinal);
        Assert.Contains("(--mpp)", Refused<ImportOptionException>(PixelGraph(true), new ImportOptions()), StringComparison.Ordinal);
        string text = _folder.File("text.onnx");
        File.WriteAllText(text, "not a model");
        Assert.Contains("is no ONNX model", Assert.Throws<CheckpointException>(() => ModelImporter.Import(new ImportRequest { Source = text, Target = _folder.File("t") }, _engine)).Message, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _engine.Dispose();
        _folder.Dispose();
    }

    private static OnnxGraph PixelGraph(bool softmax)
    {
        OnnxGraph g = new("pixels");
        GraphValue x = g.Mean(g.Input("pixels", -1, 3, 32, 32), false, 2, 3);
        x = g.Linear(x, Weight.Of("w", [2, 3], [1, 2, 3, -4, 5, -6]), null);
        g.Output("out", softmax ? g.Softmax(x) : g.Sub(x, g.Scalar(7)), -1, 2);
        return g;
    }

    private static OnnxGraph HeadGraph(long rows)
    {
        OnnxGraph g = new("head");
        GraphValue mean = g.Mean(g.Input("bag", rows, 4), true, 0);
        g.Output("logits", g.Linear(mean, Weight.Of("w", [3, 4], new float[12]), null), 1, 3);
        return g;
    }

    private ModelPackage Import(string name, OnnxGraph graph, ImportOptions options)
    {
        OnnxWriter.Save(graph, _folder.Path, $"{name}.onnx");
        return ModelImporter.Import(new ImportRequest { Source = _folder.File($"{name}.onnx"), Target = _folder.File(name), Options = options }, _engine).Package;
    }

    private string Refused<T>(OnnxGraph graph, ImportOptions options)
        where T : Exception
    {
        string name = $"refused{Directory.GetFiles(_folder.Path).Length}";
        return Assert.Throws<T>(() => Import(name, graph, options)).Message;
    }
}
