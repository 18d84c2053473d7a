using System.Buffers;
using System.Diagnostics;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Inference.LibTorch;

/// <summary>A program in libtorch. A run under way cannot be ended: cancellation is heard before the next one.</summary>
internal sealed unsafe class LibTorchSession : ITileSession
{
    // With one run copying in, one computing and one copying out, the device always has the next batch's bytes.
    private const int RunsOfGpu = 3;

    private const double WorthIt = 0.03;

    private readonly TorchContext _context;
    private readonly TorchSessionHandle _session;
    private readonly GraphName _name;
    private readonly int _threads;
    private readonly bool _channelsLast;
    private readonly bool? _graphsWanted;
    private readonly bool _graphsBuilt;
    private volatile bool _graphs;

    internal LibTorchSession(
        TorchContext context, TorchSessionHandle session, GraphName name, IReadOnlyList<TensorInfo> inputs, IReadOnlyList<TensorInfo> outputs, int threads,
        bool channelsLast, bool? graphs)
    {
        _context = context;
        _session = session;
        _name = name;
        _threads = threads;
        _channelsLast = channelsLast;
        _graphsBuilt = context.Device.IsCuda && TorchLibrary.Versions.HasGraphs != 0;
        _graphsWanted = graphs;
        _graphs = _graphsBuilt && graphs == true;
        Inputs = inputs;
        Outputs = outputs;
    }

    public IReadOnlyList<TensorInfo> Inputs { get; }

    public IReadOnlyList<TensorInfo> Outputs { get; }

    public int? RunsAtOnce => _context.Device.IsCuda ? RunsOfGpu : null;

    public int LargestBatch => _context.Device.IsCuda ? 1024 : 64;

    public DeviceMemory? Memory => _context.Memory;

    public IMemoryOwner<byte> AllocatePixels(int bytes) => new TorchHostMemory<byte>(_context, bytes);

    public IMemoryOwner<float> AllocateRows(int floats) => new TorchHostMemory<float>(_context, floats);

    public void Trim() => _context.Trim();

    public IReadOnlyList<Tensor> Run(IReadOnlyList<TensorView> inputs, IReadOnlyList<string> outputNames)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(outputNames);
        int[] wanted = [.. outputNames.Select(name => IndexOf(Outputs, name))];
        using TorchResultHandle result = Execute(inputs);
        if (TorchApi.smt_result_count(result) is var count && count != Outputs.Count)
        {
            throw Failed($"it gives {count} tensors, {Outputs.Count} are declared");
        }

        Tensor[] tensors = new Tensor[wanted.Length];
        for (int i = 0; i < wanted.Length; i++)
        {
            tensors[i] = Copy(result, wanted[i], outputNames[i]);
        }

        return tensors;
    }

    public TileRunTimings RunTiles(in TileRun run) => RunTiles(run, _graphs);

    public string? Tune(in TileRun run)
    {
        if (!_graphsBuilt || _graphsWanted is not null)
        {
            return null;
        }

        double plain = Rate(run, graphs: false);
        double recorded;
        try
        {
            recorded = Rate(run, graphs: true);
        }
        catch (InferenceException e)
        {
            return $"{_name}: no CUDA graphs ({e.Message.ReplaceLineEndings(" ")})";
        }

        _graphs = recorded > plain * (1 + WorthIt);
        return FormattableString.Invariant($"{_name}: {(_graphs ? "with" : "without")} CUDA graphs ({plain:0} tiles/s without, {recorded:0} with)");
    }

    public void Dispose() => _session.Dispose();

    /// <summary>Tiles per second of runs one after the other, after warming up.</summary>
    internal double Rate(in TileRun run, bool? graphs = null)
    {
        const int Runs = 8;
        for (int i = 0; i < 3; i++)
        {
            _ = RunTiles(run, graphs ?? _graphs);
        }

        long started = Stopwatch.GetTimestamp();
        for (int i = 0; i < Runs; i++)
        {
            _ = RunTiles(run, graphs ?? _graphs);
        }

        return Runs * run.Count / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private TileRunTimings RunTiles(in TileRun run, bool graphs)
    {
        long pixels = (long)run.Count * run.EdgePx * run.EdgePx * 3;
        if (run.Rgb.Length != pixels || run.Rows.Length != (long)run.Count * run.Dimension)
        {
            throw Failed($"{run.Count} tiles of {run.EdgePx} px were announced, and {run.Rgb.Length} bytes for {run.Rows.Length} numbers given");
        }

        // The graph's own edge, where it has one.
        int edge = Inputs.Count == 1 && Inputs[0].Shape is [_, _, _, > 0 and var fixedEdge] ? (int)fixedEdge : run.EdgePx;
        using MemoryHandle rgb = run.Rgb.Pin();
        using MemoryHandle rows = run.Rows.Pin();
        TorchTiles tiles = new()
        {
            Rgb = (byte*)rgb.Pointer,
            Output = (float*)rows.Pointer,
            Rows = run.Count,
            Width = run.Dimension,
            Edge = run.EdgePx,
            ModelEdge = edge,
            OutputIndex = IndexOf(Outputs, run.Output),
            Threads = _threads,
            ChannelsLast = _channelsLast ? 1 : 0,
            UseGraph = graphs ? 1 : 0,
        };
        for (int channel = 0; channel < 3; channel++)
        {
            tiles.Scale[channel] = (float)(1 / (255.0 * run.Normalisation.Std[channel]));
            tiles.Bias[channel] = (float)(-(double)run.Normalisation.Mean[channel] / run.Normalisation.Std[channel]);
        }

        Check(TorchApi.smt_run_tiles(_session, tiles, out TorchTimings timings, out TorchError error), error);
        return new TileRunTimings(timings.CopyIn, timings.Compute, timings.CopyOut);
    }

    private TorchResultHandle Execute(IReadOnlyList<TensorView> inputs)
    {
        if (inputs.Count != Inputs.Count)
        {
            throw Failed($"it takes {Inputs.Count} tensors ({string.Join(", ", Inputs.Select(i => i.Name))}), {inputs.Count} were given");
        }

        MemoryHandle[] pins = new MemoryHandle[2 * inputs.Count];
        TorchTensor[] tensors = new TorchTensor[inputs.Count];
        try
        {
            for (int i = 0; i < inputs.Count; i++)
            {
                TensorView view = inputs[i];
                long length = view.Shape.Aggregate(1L, (product, extent) => checked(product * extent));
                if (length != view.Data.Length || view.Shape.Any(extent => extent < 0))
                {
                    throw Failed($"tensor '{view.Name}' has {view.Data.Length} values, its shape [{string.Join(", ", view.Shape)}] takes {length}");
                }

                // An empty tensor has no memory to point at, but the program wants some address.
                pins[2 * i] = view.Data.Length > 0 ? view.Data.Pin() : new ReadOnlyMemory<float>(new float[1]).Pin();
                pins[(2 * i) + 1] = view.Shape.AsMemory().Pin();
                tensors[IndexOf(Inputs, view.Name)] = new TorchTensor
                {
                    Data = (float*)pins[2 * i].Pointer,
                    Shape = (long*)pins[(2 * i) + 1].Pointer,
                    Rank = view.Shape.Length,
                };
            }

            fixed (TorchTensor* first = tensors)
            {
                Check(TorchApi.smt_run(_session, first, tensors.Length, _threads, out TorchResultHandle result, out TorchError error), error);
                return result;
            }
        }
        finally
        {
            foreach (MemoryHandle pin in pins)
            {
                pin.Dispose();
            }
        }
    }

    private Tensor Copy(TorchResultHandle result, int index, string name)
    {
        long[] shape = new long[Math.Max(0, TorchApi.smt_result_rank(result, index))];
        fixed (long* extents = shape)
        {
            Check(TorchApi.smt_result_shape(result, index, extents, out TorchError error), error);
        }

        float[] data = new float[shape.Aggregate(1L, (product, extent) => checked(product * extent))];
        fixed (float* values = data)
        {
            Check(TorchApi.smt_result_copy(result, index, values, data.Length, out TorchError error), error);
        }

        return new Tensor(name, data, shape);
    }

    private int IndexOf(IReadOnlyList<TensorInfo> tensors, string name)
    {
        for (int i = 0; i < tensors.Count; i++)
        {
            if (tensors[i].Name == name)
            {
                return i;
            }
        }

        throw new InferenceException($"{_name} has no tensor '{name}'; it has {string.Join(", ", Inputs.Concat(Outputs).Select(t => t.Name))}.");
    }

    private void Check(int code, in TorchError error)
    {
        if (code != 0)
        {
            throw new InferenceException($"{_name} failed: {_name.WithoutPath(TorchText.Reason(error.Message))}") { IsOutOfMemory = code == TorchApi.OutOfMemory };
        }
    }

    private InferenceException Failed(string what) => new($"{_name} failed: {what}.");
}
