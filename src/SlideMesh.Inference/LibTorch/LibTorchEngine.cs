using SlideMesh.Inference.Batching;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.LibTorch.Onnx;
using SlideMesh.Inference.LibTorch.TorchScript;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Inference.LibTorch;

/// <summary>
/// Runs graphs by libtorch on one device: TorchScript files as they are, ONNX graphs written out as TorchScript. Thread-safe; sessions may
/// outlive the engine.
/// </summary>
/// <remarks>
/// A row's last bits may depend on the size of its batch, as libtorch's kernels do; runs of tiles therefore have one size (see
/// <see cref="TileBatcher"/>), and results equal ONNX Runtime's to rounding.
/// </remarks>
public sealed class LibTorchEngine : IInferenceEngine
{
    private readonly LibTorchOptions _options;
    private readonly TorchContext _heads;
    private readonly TorchContext _tiles;

    /// <summary>Order of channels that was faster, by package: a package is loaded several times in a run.</summary>
    private readonly System.Collections.Concurrent.ConcurrentDictionary<string, bool> _channelsLast = new(StringComparer.Ordinal);

    /// <exception cref="Slides.Native.NativeLibraryUnavailableException">The library is missing, or built for another libtorch.</exception>
    /// <exception cref="InferenceException">There is no such device, or it does not compute in the precision wanted.</exception>
    public LibTorchEngine(LibTorchOptions? options = null)
    {
        _options = options ?? new LibTorchOptions();
        Version = TorchLibrary.Versions.Running;
        _heads = new TorchContext(_options.Device, Precision.Fp32);
        _tiles = _options.Precision == Precision.Fp32 ? _heads : new TorchContext(_options.Device, _options.Precision);
        try
        {
            _tiles.TryPrecision();
        }
        catch (InferenceException e)
        {
            Dispose();
            throw new InferenceException(
                $"libtorch {Version} does not compute in {Name(_options.Precision)} on {_options.Device} ({TorchText.Reason(e.Message)}); use --precision fp32.");
        }
    }

    /// <summary>Devices that libtorch sees, the CPU first.</summary>
    /// <exception cref="Slides.Native.NativeLibraryUnavailableException">As for the constructor.</exception>
    public static IReadOnlyList<TorchDeviceDescription> Devices()
    {
        _ = TorchLibrary.Versions;
        TorchApi.Check(TorchApi.smt_device_count(TorchDevice.Cuda(0).Kind, out int count, out TorchError error), error);
        return [.. Enumerable.Range(0, count).Select(TorchDevice.Cuda).Prepend(TorchDevice.Cpu).Select(Describe)];
    }

    /// <summary>E.g. <c>libtorch 2.4.0, CUDA with graphs</c>.</summary>
    /// <exception cref="Slides.Native.NativeLibraryUnavailableException">As for the constructor.</exception>
    public static string Build()
    {
        TorchVersions versions = TorchLibrary.Versions;
        return $"libtorch {versions.Running}, {(versions.HasCuda == 0 ? "CPU only" : versions.HasGraphs == 0 ? "CUDA without graphs" : "CUDA with graphs")}";
    }

    public string Version { get; }

    public string Description => $"libtorch {Version}, {_options.Device.KindName}, {Name(_options.Precision)}";

    public string Device => _options.Device.ToString();

    /// <summary>Native objects that live on this engine.</summary>
    internal long Handles => _heads.Handles + (ReferenceEquals(_heads, _tiles) ? 0 : _tiles.Handles);

    /// <summary>Loads an ONNX file, in float32.</summary>
    public IInferenceSession Load(string path, int threads)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(threads);
        return LoadOnnx(path, new GraphName(path), _heads, threads, _options.ChannelsLast ?? false);
    }

    /// <summary>The package's TorchScript file where it has one, else its ONNX graph; in the engine's precision when it takes pixels.</summary>
    public IInferenceSession Load(ModelPackage package, string role, int threads)
    {
        ArgumentNullException.ThrowIfNull(package);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(threads);
        bool pixels = role == GraphRole.Tile && package.TakesPixels;
        TorchContext context = pixels ? _tiles : _heads;
        if (!pixels || !_options.Device.IsCuda || _options.ChannelsLast is not null)
        {
            return Load(package, role, context, threads, pixels && (_options.ChannelsLast ?? false));
        }

        return _channelsLast.TryGetValue(package.Sha256, out bool known) ? Load(package, role, context, threads, known) : LoadFaster(package, role, context, threads);
    }

    public void Dispose()
    {
        _tiles.Dispose();
        _heads.Dispose();
    }

    private LibTorchSession Load(ModelPackage package, string role, TorchContext context, int threads, bool channelsLast)
    {
        GraphSpec spec = package.Manifest.Graphs[role];
        if (spec.Torchscript is not { } file)
        {
            string path = package.GraphPath(role);
            return LoadOnnx(path, new GraphName(path), context, threads, channelsLast);
        }

        GraphName name = new(package.PathOf(file));
        TorchScriptFile.Check(package.PathOf(file), name);
        TorchSessionHandle handle = Loaded(
            name, TorchApi.smt_session_load(context.Handle, package.PathOf(file), channelsLast ? 1 : 0, out TorchSessionHandle session, out TorchError error), session, error);
        LibTorchSession loaded = new(context, handle, name, Tensors(spec.Inputs), Tensors(spec.Outputs), threads, channelsLast, _options.Graphs);
        try
        {
            TorchScriptFile.TryRun(loaded, TorchApi.smt_session_input_count(handle), spec, name);
            return loaded;
        }
        catch
        {
            loaded.Dispose();
            throw;
        }
    }

    /// <summary>Both orders of channels, one after the other, on a batch of plain size; the faster one stays.</summary>
    private LibTorchSession LoadFaster(ModelPackage package, string role, TorchContext context, int threads)
    {
        const int Tiles = 32;
        TensorSpec output = package.Manifest.Graphs[role].Outputs[0];
        int edge = package.Manifest.Tile!.SizePx;
        LibTorchSession plain = Load(package, role, context, threads, channelsLast: false);
        LibTorchSession? last = null;
        try
        {
            using TorchHostMemory<byte> pixels = new(context, Tiles * edge * edge * 3);
            using TorchHostMemory<float> rows = new(context, Tiles * (int)output.Shape[1]);
            TileRun run = new(pixels.Memory, rows.Memory, Tiles, edge, output.Name, (int)output.Shape[1], package.Manifest.Normalisation!);
            double plainRate = plain.Rate(run);
            last = Load(package, role, context, threads, channelsLast: true);
            bool faster = last.Rate(run) > plainRate;
            _channelsLast[package.Sha256] = faster;
            (LibTorchSession kept, LibTorchSession dropped) = faster ? (last, plain) : (plain, last);
            dropped.Dispose();
            context.Trim();
            return kept;
        }
        catch (InferenceException)
        {
            // No room for two, or for this batch: the plain order works wherever anything does.
            last?.Dispose();
            return plain;
        }
    }

    private LibTorchSession LoadOnnx(string path, GraphName name, TorchContext context, int threads, bool channelsLast)
    {
        try
        {
            using OnnxReader onnx = new(path);
            using TorchBuilderHandle builder = Open(context);
            ScriptProgram program = ScriptProgram.Write(onnx.Graph, context.Precision, TorchLibrary.FusesAttention(Version));
            foreach ((string weight, OnnxTensor tensor) in program.Weights)
            {
                AddWeight(builder, weight, tensor);
            }

            TorchSessionHandle handle = Loaded(
                name, TorchApi.smt_builder_finish(builder, program.Source, channelsLast ? 1 : 0, out TorchSessionHandle session, out TorchError error), session, error);
            return new LibTorchSession(context, handle, name, Tensors(onnx.Graph.Inputs), Tensors(onnx.Graph.Outputs), threads, channelsLast, _options.Graphs);
        }
        catch (Exception e) when (e is OnnxException or IOException or UnauthorizedAccessException)
        {
            // Not kept as the inner exception: an I/O error's text holds the full path.
            throw new InferenceException($"{name} cannot be loaded: {name.WithoutPath(e.Message)}.");
        }
    }

    private static TorchBuilderHandle Open(TorchContext context)
    {
        TorchApi.Check(TorchApi.smt_builder_open(context.Handle, out TorchBuilderHandle builder, out TorchError error), error);
        return builder;
    }

    private static unsafe void AddWeight(TorchBuilderHandle builder, string name, OnnxTensor tensor)
    {
        long[] shape = [.. tensor.Shape];
        using System.Buffers.MemoryHandle data = tensor.Data.Pin();
        fixed (long* extents = shape)
        {
            TorchApi.Check(
                TorchApi.smt_builder_weight(
                    builder, name, TorchText.TypeOf(tensor.Type), extents, shape.Length, data.Pointer, tensor.Data.Length, onHost: 0, out TorchError error),
                error);
        }
    }

    private static TorchSessionHandle Loaded(GraphName name, int code, TorchSessionHandle session, in TorchError error)
    {
        if (code == 0)
        {
            return session;
        }

        session.Dispose();
        throw new InferenceException($"{name} cannot be loaded: {name.WithoutPath(TorchText.Reason(error.Message))}") { IsOutOfMemory = code == TorchApi.OutOfMemory };
    }

    private static TensorInfo[] Tensors(IReadOnlyList<OnnxValueInfo> values) =>
        [.. values.Select(v => new TensorInfo(v.Name, v.Shape ?? [], v.Type == OnnxType.Float ? "float" : $"element type {(int)v.Type}"))];

    private static TensorInfo[] Tensors(IReadOnlyList<TensorSpec> specs) => [.. specs.Select(s => new TensorInfo(s.Name, s.Shape, "float"))];

    private static TorchDeviceDescription Describe(TorchDevice device)
    {
        TorchApi.Check(TorchApi.smt_get_device(device.Kind, device.Index, out TorchDeviceInfo info, out TorchError error), error);
        return new TorchDeviceDescription(device, info.Name, info.TotalBytes < 0 ? null : info.TotalBytes, info.FreeBytes < 0 ? null : info.FreeBytes);
    }

    private static string Name(Precision precision) => KebabCase.Of(precision);
}
