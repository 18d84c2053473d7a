using SlideMesh.Inference.Engines;
using SlideMesh.Inference.OnnxRuntime;
using SlideMesh.Inference.Packages;
using SlideMesh.Models.Architectures;
using SlideMesh.Models.Packaging;
using SlideMesh.Prediction;
using SlideMesh.Prediction.Bags;
using SlideMesh.Prediction.Heads;

namespace SlideMesh.Models.Tests.Heads;

/// <summary>A case imported from a file as a user would, and loaded as a run does.</summary>
internal sealed class ImportedHead : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly OnnxRuntimeEngine _engine = new();
    private readonly ISlideHead _head;
    private readonly HeadCase _case;

    /// <param name="engine">Evaluates the head; stays the caller's. Null: ONNX Runtime.</param>
    /// <param name="recognise">The architecture is not named.</param>
    public ImportedHead(HeadCase headCase, bool recognise = false, IInferenceEngine? engine = null)
    {
        _case = headCase;
        string checkpoint = _folder.File("checkpoint.safetensors");
        SafetensorsFile.Write(checkpoint, headCase.Tensors);
        string omics = _folder.File("omics.csv");
        File.WriteAllText(omics, headCase.OmicsTable());
        Result = ModelImporter.Import(
            new ImportRequest
            {
                Source = checkpoint,
                Target = _folder.File("package"),
                Architecture = recognise ? null : headCase.Architecture,
                Options = new ImportOptions { Settings = headCase.Settings },
                OmicsFeatures = headCase.OmicsCount > 0 ? omics : null,
            },
            _engine);
        _head = new HeadLoader(engine ?? _engine).LoadHead(Result.Package);
    }

    public ImportResult Result { get; }

    public ModelPackage Package => Result.Package;

    public HeadResult Evaluate(IFeatureBag bag) =>
        _head.Evaluate(bag, new CaseFacts(_case.Sex is { } sex ? [sex] : [], _case.Omics()), CancellationToken.None);

    /// <summary>The head in a predictor of its own, reading the stream <c>s</c>.</summary>
    public SlidePredictor Predictor()
    {
        FeatureStream stream = new("s", Package.Manifest.Encoder!.Name, Package.Manifest.Tile!, _case.Width);
        return new SlidePredictor(new ResolvedPipeline([Package], [stream], new Dictionary<string, string> { [Package.Name] = stream.Id }), _engine);
    }

    public void Dispose()
    {
        _head.Dispose();
        _engine.Dispose();
        _folder.Dispose();
    }
}
