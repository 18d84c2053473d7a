using SlideMesh.Inference.Engines;
using SlideMesh.Inference.OnnxRuntime;
using SlideMesh.Inference.Packages;
using SlideMesh.Prediction.Heads;

namespace SlideMesh.Prediction.Tests.Fakes;

/// <summary>The real engine, shared by a class of tests.</summary>
public sealed class EngineFixture : IDisposable
{
    public IInferenceEngine Engine { get; } = new OnnxRuntimeEngine();

    public void Dispose() => Engine.Dispose();

    internal ISlideHead LoadReference(string name) => new HeadLoader(Engine).LoadHead(ModelPackage.Load(RepositoryFiles.ReferencePackage(name)));

    internal SlidePredictor Predictor(params string[] folders) => new(Resolve(folders), Engine);

    internal ResolvedPipeline Resolve(params string[] folders) => PipelineResolver.Resolve(folders.Select(ModelPackage.Load), Engine);
}
