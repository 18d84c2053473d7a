using System.Diagnostics;
using SlideMesh.Inference.Batching;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.OnnxRuntime;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Stages;
using SlideMesh.Reporting.Features;
using SlideMesh.Slides;
using SlideMesh.Slides.OpenSlide;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Tiling;

namespace SlideMesh.Benchmarks;

/// <summary>
/// What ONNX Runtime alone does with the same tiles: every tile of an earlier pipeline run, read and normalised into memory
/// beforehand, and only the runs timed; in the set-up that was the fastest here, as many runs at a time as there are cores, one thread each.
/// </summary>
internal static class BareRuntime
{
    /// <param name="results">Output folder of the pipeline run whose tiles are taken.</param>
    public static (int Tiles, double Seconds) Run(string results, string slide, string package, int batchSize)
    {
        using OnnxRuntimeEngine engine = new();
        ModelPackage model = ModelPackage.Load(package);
        ResolvedPipeline pipeline = PipelineResolver.Resolve([model], engine);
        TileGraph graph = TileGraph.Of(model, pipeline.Streams.Single());
        float[][] batches = ReadTiles(results, slide, graph, batchSize, out int tiles);
        using IInferenceSession session = engine.Load(model.GraphPath(GraphRole.Tile), threads: 1);
        RunBatch(session, graph, batches[0]);

        Stopwatch clock = Stopwatch.StartNew();
        int next = -1;
        Thread[] threads = [.. Enumerable.Range(0, Environment.ProcessorCount).Select(_ => new Thread(() =>
        {
            for (int i = Interlocked.Increment(ref next); i < batches.Length; i = Interlocked.Increment(ref next))
            {
                RunBatch(session, graph, batches[i]);
            }
        }))];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        return (tiles, clock.Elapsed.TotalSeconds);
    }

    private static void RunBatch(IInferenceSession session, TileGraph graph, float[] pixels) => session.Run(
        [new TensorView(graph.Input, pixels, [pixels.Length / graph.InputLength, 3, graph.SizePx, graph.SizePx])], [graph.Output]);

    private static float[][] ReadTiles(string results, string slide, TileGraph graph, int batchSize, out int tiles)
    {
        string folder = Directory.EnumerateDirectories(Path.Combine(results, "slides")).Single();
        PlanDocument document = PlanDocument.Read(Path.Combine(folder, "plan.json"));
        using FeatureFile features = FeatureFile.Open(Directory.EnumerateFiles(Path.Combine(folder, "features"), "*.h5").Single());
        PlannedTile[] corners = new PlannedTile[features.Count];
        for (int i = 0; i < corners.Length; i++)
        {
            corners[i] = new PlannedTile(features.Coordinates[2 * i], features.Coordinates[(2 * i) + 1]);
        }

        using ISlideSource source = SlideSource.Open(slide);
        TileReader reader = new(source, document.Streams.Single().ToTilePlan(document, corners));
        TileNormaliser normaliser = new(graph.Normalisation);
        byte[] rgb = new byte[graph.SizePx * graph.SizePx * 3];
        float[][] batches = new float[(corners.Length + batchSize - 1) / batchSize][];
        for (int i = 0; i < corners.Length; i++)
        {
            int batch = i / batchSize;
            batches[batch] ??= new float[Math.Min(batchSize, corners.Length - (batch * batchSize)) * graph.InputLength];
            reader.Read(i, rgb);
            normaliser.Normalise(rgb, batches[batch].AsSpan(i % batchSize * graph.InputLength, graph.InputLength));
        }

        tiles = corners.Length;
        return batches;
    }
}
