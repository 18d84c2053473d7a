using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Progress;
using SlideMesh.Mesh.Runs;
using SlideMesh.Mesh.Stages;
using SlideMesh.Mesh.Telemetry;
using SlideMesh.Prediction;
using SlideMesh.Prediction.Omics;

namespace SlideMesh.Mesh.Cluster;

/// <summary>A submission as the stages see a run.</summary>
public static class RunDescription
{
    /// <param name="node">Settings of this machine: decoders, threads, batches.</param>
    /// <exception cref="OmicsTableException">The omics table cannot be used at all.</exception>
    public static RunContext Of(
        RunSpecification specification, ClusterStore store, ResolvedPipeline pipeline, SlidePredictor predictor, RunStore results,
        RunOptions node, MeshTelemetry telemetry, TimeProvider time)
    {
        RunOptions options = specification.Parameters.ToOptions(specification.Out, node);
        return new RunContext
        {
            Options = options,
            Store = results,
            Slides = specification.Slides.Select(s => s.ToEntry(store.Root)).ToDictionary(s => s.Id),
            Pipeline = pipeline,
            Engine = specification.Engine,
            Predictor = predictor,
            Omics = specification.Omics is { } omics ? OmicsTable.Read(Path.Combine(store.Folder(specification.Id), omics), predictor.OmicsFeatures) : null,
            Tissue = options.Tissue with { Quality = options.Quality },
            Handles = new SlideHandles(options.SlidesInFlight, options.DecoderScaling, options.OpenCopies()),
            Progress = new RunProgress(specification.Slides.Count, time),
            Telemetry = telemetry,
            Time = time,
        };
    }
}
