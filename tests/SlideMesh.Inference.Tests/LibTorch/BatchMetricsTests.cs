using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using SlideMesh.Inference.Batching;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.LibTorch;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Inference.Tests.LibTorch;

/// <summary>What the instruments of the batchers tell of runs on libtorch.</summary>
public sealed class BatchMetricsTests
{
    private const string Model = "metered-on-libtorch";
    private const int Tiles = 40;
    private const int BatchSize = 8;

    [TorchFact]
    public async Task Every_batch_tells_its_copies_and_its_computation_by_model_and_device()
    {
        using Recorder recorder = new();
        using LibTorchEngine engine = new();
        ModelPackage encoder = ModelPackage.Load(ReferencePackages.Folder("ref-encoder"));
        using IInferenceSession session = engine.Load(encoder, GraphRole.Tile, threads: 1);
        TileGraph graph = TileGraph.Of(encoder, new FeatureStream("s", "ref-encoder", encoder.Manifest.Tile!, 16)) with { Model = Model };
        Stopwatch clock = Stopwatch.StartNew();
        BatcherStatistics statistics;
        using (TileBatcher batcher = new(graph, session, new TileBatcherOptions { BatchSize = BatchSize, Parallelism = 2, Device = engine.Device }))
        {
            TileGroup group = new();
            float[] rows = new float[Tiles * 16];
            byte[] tile = ReferencePackages.Tile(1, 32);
            for (int i = 0; i < Tiles; i++)
            {
                BatchSlot slot = batcher.Acquire(CancellationToken.None);
                slot.Fill(tile);
                slot.Commit(rows.AsMemory(i * 16, 16), group);
            }

            group.Seal();
            batcher.Flush();
            await group.Completion.WaitAsync(TimeSpan.FromMinutes(2));
            Assert.True(SpinWait.SpinUntil(() => batcher.Statistics is { QueueDepth: 0 }, TimeSpan.FromMinutes(2)), "The runs were not counted.");
            statistics = batcher.Statistics;
        }

        double elapsed = clock.Elapsed.TotalSeconds;
        double[] compute = recorder.Of("slidemesh.inference.compute.duration");
        double[] busy = recorder.Of("slidemesh.inference.device.busy");
        Assert.InRange(statistics.Batches, Tiles / BatchSize, Tiles);
        Assert.Equal(statistics.Batches, compute.Length);
        Assert.Equal(statistics.Batches, recorder.Of("slidemesh.inference.copy_in.duration").Length);
        Assert.Equal(statistics.Batches, recorder.Of("slidemesh.inference.copy_out.duration").Length);
        Assert.All(compute, seconds => Assert.InRange(seconds, double.Epsilon, elapsed));
        // Computing is within the runs, and two loops have twice the time.
        Assert.InRange(busy.Sum(), compute.Sum(), 2 * elapsed);
        Assert.Equal(statistics.Device.Compute, compute.Sum(), 6);
        Assert.InRange(statistics.Use.Share, double.Epsilon, 1);
    }

    /// <summary>Everything in seconds that this test's model on the CPU tells.</summary>
    private sealed class Recorder : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly ConcurrentQueue<(string Name, double Seconds)> _told = new();

        public Recorder()
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == InferenceMetrics.MeterName && instrument.Unit == "s")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) =>
            {
                if (tags is [{ Key: "model", Value: Model }, { Key: "slidemesh.device", Value: "cpu" }])
                {
                    _told.Enqueue((instrument.Name, value));
                }
            });
            _listener.Start();
        }

        public double[] Of(string instrument) => [.. _told.Where(t => t.Name == instrument).Select(t => t.Seconds)];

        public void Dispose() => _listener.Dispose();
    }
}
