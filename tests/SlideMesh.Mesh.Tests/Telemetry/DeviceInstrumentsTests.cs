using System.Buffers;
using System.Diagnostics.Metrics;
using SlideMesh.Inference.Batching;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.LibTorch;
using SlideMesh.Inference.OnnxRuntime;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Runs;
using SlideMesh.Mesh.Stages;
using SlideMesh.Mesh.Telemetry;
using SlideMesh.Slides.Native;

namespace SlideMesh.Mesh.Tests.Telemetry;

/// <summary>What a collector hears of the devices.</summary>
public sealed class DeviceInstrumentsTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly ModelPackage _encoder = ModelPackage.Load(ReferenceEncoder());
    private readonly FeatureStream _stream;

    public DeviceInstrumentsTests() => _stream = new FeatureStream("ref-encoder", "ref-encoder", _encoder.Manifest.Tile!, 16);

    [Fact]
    public async Task Cpu_tells_its_share_and_no_memory_of_its_own()
    {
        foreach (IInferenceEngine engine in Engines())
        {
            using (engine)
            {
                using DeviceFleet fleet = Fleet(engine);
                Assert.Equal([("slidemesh.device.utilization", "1", "cpu", 0.0)], Observe(fleet));

                await EmbedAsync(fleet.Devices[0], 200);

                (string name, string? unit, string? device, double share) = Assert.Single(Observe(fleet));
                Assert.Equal(("slidemesh.device.utilization", "1", "cpu"), (name, unit, device));
                Assert.InRange(share, double.Epsilon, 1);
            }
        }
    }

    [Fact]
    public async Task Gpu_tells_its_share_and_its_memory()
    {
        using FakeGpu gpu = new();
        using DeviceFleet fleet = Fleet(gpu);
        Assert.Equal([("slidemesh.device.utilization", "1", "cuda:1", 0.0)], Observe(fleet));

        await EmbedAsync(fleet.Devices[0], 20);

        (string Name, string? Unit, string? Device, double Value)[] told = Observe(fleet);
        Assert.Equal(["slidemesh.device.memory.limit", "slidemesh.device.memory.usage", "slidemesh.device.utilization"], told.Select(t => t.Name));
        Assert.Equal(["By", "By", "1"], told.Select(t => t.Unit));
        Assert.All(told, t => Assert.Equal("cuda:1", t.Device));
        Assert.Equal((8L << 30, 5L << 30), ((long)told[0].Value, (long)told[1].Value));
        Assert.InRange(told[2].Value, double.Epsilon, 1);
    }

    [Fact]
    public async Task Device_prepares_only_while_a_model_is_loaded()
    {
        using ManualResetEventSlim loads = new();
        using ManualResetEventSlim goOn = new();
        using FakeGpu gpu = new()
        {
            Loading = () =>
            {
                loads.Set();
                Assert.True(goOn.Wait(Patience));
            },
        };
        using DeviceFleet fleet = Fleet(gpu);
        DeviceBatchers device = fleet.Devices[0];
        Assert.False(device.IsPreparing);

        device.Warm();
        Assert.True(loads.Wait(Patience));
        bool meanwhile = device.IsPreparing;
        goOn.Set();
        await Task.Run(() => device.For(_stream)).WaitAsync(Patience);

        Assert.True(meanwhile);
        Assert.False(device.IsPreparing);
    }

    private static IEnumerable<IInferenceEngine> Engines()
    {
        yield return new OnnxRuntimeEngine();
        IInferenceEngine torch;
        try
        {
            torch = new LibTorchEngine();
        }
        catch (NativeLibraryUnavailableException) when (Environment.GetEnvironmentVariable("SLIDEMESH_TESTS_NEED_LIBTORCH") is null or "")
        {
            yield break;
        }

        yield return torch;
    }

    private DeviceFleet Fleet(IInferenceEngine engine) => new(
        new ResolvedPipeline([_encoder], [_stream], new Dictionary<string, string> { [_encoder.Name] = _stream.Id }),
        [engine],
        new RunOptions { OutputRoot = "unused", BatchSize = 4, DeviceThreads = 2, BatchMemoryBytes = 16 << 20 });

    private async Task EmbedAsync(DeviceBatchers device, int tiles)
    {
        TileBatcher batcher = device.For(_stream);
        TileGroup group = new();
        float[] row = new float[16];
        byte[] tile = new byte[batcher.Graph.InputLength];
        for (int i = 0; i < tiles; i++)
        {
            BatchSlot slot = await batcher.AcquireAsync(CancellationToken.None).AsTask().WaitAsync(Patience);
            slot.Fill(tile);
            slot.Commit(row, group);
        }

        group.Seal();
        batcher.Flush();
        await group.Completion.WaitAsync(Patience);
        Assert.True(SpinWait.SpinUntil(() => batcher.Statistics.QueueDepth == 0, Patience), "The runs were not counted.");
    }

    /// <summary>One observation of a meter of this test's own, by name.</summary>
    private static (string Name, string? Unit, string? Device, double Value)[] Observe(DeviceFleet fleet)
    {
        using Meter meter = new("devices of a test");
        DeviceInstruments.Add(meter, () => fleet.Devices);
        List<(string Name, string? Unit, string? Device, double Value)> told = [];
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (ReferenceEquals(instrument.Meter, meter))
            {
                l.EnableMeasurementEvents(instrument);
            }
        };
        void Take(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            Assert.Equal("slidemesh.device", tags[0].Key);
            told.Add((instrument.Name, instrument.Unit, tags[0].Value as string, value));
        }

        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Take(instrument, value, tags));
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Take(instrument, value, tags));
        listener.Start();
        listener.RecordObservableInstruments();
        return [.. told.OrderBy(t => t.Name, StringComparer.Ordinal)];
    }

    private static string ReferenceEncoder()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string found = Path.Combine(folder.FullName, "tests", "reference", "packages", "ref-encoder");
            if (Directory.Exists(found))
            {
                return found;
            }
        }

        throw new DirectoryNotFoundException("tests/reference/packages is not above the test binary.");
    }

    /// <summary>A GPU that is made up: 8 GiB, 3 of them free; a run computes for a microsecond.</summary>
    private sealed class FakeGpu : IInferenceEngine
    {
        public string Description => "fake 1.0";

        public string Device => "cuda:1";

        public Action Loading { get; init; } = () => { };

        public IInferenceSession Load(string path, int threads)
        {
            Loading();
            return new Session();
        }

        public void Dispose()
        {
        }

        private sealed class Session : ITileSession
        {
            public IReadOnlyList<TensorInfo> Inputs => [];

            public IReadOnlyList<TensorInfo> Outputs => [];

            public int? RunsAtOnce => 3;

            public int LargestBatch => 1024;

            public DeviceMemory? Memory => new(3L << 30, 8L << 30);

            public IMemoryOwner<byte> AllocatePixels(int bytes) => new Owned<byte>(bytes);

            public IMemoryOwner<float> AllocateRows(int floats) => new Owned<float>(floats);

            public TileRunTimings RunTiles(in TileRun run) => new(0, 1e-6, 0);

            public void Trim()
            {
            }

            public string? Tune(in TileRun run) => null;

            public IReadOnlyList<Tensor> Run(IReadOnlyList<TensorView> inputs, IReadOnlyList<string> outputNames) => throw new NotSupportedException();

            public void Dispose()
            {
            }
        }

        private sealed class Owned<T>(int length) : IMemoryOwner<T>
        {
            public Memory<T> Memory { get; } = new T[length];

            public void Dispose()
            {
            }
        }
    }
}
