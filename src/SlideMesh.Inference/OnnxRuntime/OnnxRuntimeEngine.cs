using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Inference.OnnxRuntime;

/// <summary>Runs ONNX graphs by ONNX Runtime's C interface, on the CPU or, with a library that has the CUDA provider, on a GPU. Thread-safe; sessions may outlive the engine.</summary>
public sealed class OnnxRuntimeEngine : IInferenceEngine
{
    private readonly OrtApi _api;
    private readonly OrtEnvHandle _env;
    private readonly OnnxRuntimeOptions _options;

    private const string CudaProvider = "CUDAExecutionProvider";

    /// <exception cref="Slides.Native.NativeLibraryUnavailableException">The library is missing or too old, or has no CUDA provider when a GPU is wanted.</exception>
    public OnnxRuntimeEngine(OnnxRuntimeOptions? options = null)
    {
        _options = options ?? new OnnxRuntimeOptions();
        _api = OnnxRuntimeLibrary.Api;
        // The provider logs, so that it needs an environment first.
        _env = _api.CreateEnv("slidemesh");
        if (_options.CudaDevice is int device && WhyNoCuda(device) is { } reason)
        {
            _env.Dispose();
            throw new Slides.Native.NativeLibraryUnavailableException(
                $"ONNX Runtime {_api.Version} computes on no GPU here ({reason}); set {OnnxRuntimeLibrary.Variable} to a libonnxruntime.so that has its CUDA provider beside it, or use --engine libtorch or --device cpu.");
        }
    }

    public string Description => _options.CudaDevice is null ? $"onnxruntime {_api.Version}" : $"onnxruntime {_api.Version}, cuda";

    public string Device => _options.CudaDevice is int index ? $"cuda:{index}" : "cpu";

    /// <summary>Why the library at hand cannot compute on GPU number <paramref name="device"/>; null when it can.</summary>
    /// <remarks>A library may say that it was built with CUDA although the provider, a library of its own, was not delivered with it.</remarks>
    public string? WhyNoCuda(int device)
    {
        if (!_api.GetAvailableProviders().Contains(CudaProvider))
        {
            return "it was built without CUDA";
        }

        try
        {
            using OrtSessionOptionsHandle options = _api.CreateSessionOptions();
            _api.SessionOptionsAppendExecutionProviderCudaV2(options, device);
            return null;
        }
        catch (InferenceException e)
        {
            string text = e.Message.ReplaceLineEndings(" ");
            return text.Contains("providers_cuda", StringComparison.Ordinal) ? "its CUDA provider, libonnxruntime_providers_cuda.so, or what that needs is missing"
                : text.Contains("providers_shared", StringComparison.Ordinal) ? "its libonnxruntime_providers_shared.so is missing"
                : text;
        }
    }

    public IInferenceSession Load(string path, int threads) => Load(path, threads, keepsMemory: true);

    /// <remarks>
    /// What takes the features of a bag block by block asks for so little at a time that keeping it gains nothing (medians of the streamed heads
    /// within the noise), and what is kept after a bag of 50,000 tiles is 35 MB that nobody uses until the next one. Tiles come all day, and
    /// a head that takes the whole bag at once is slower without: TransMIL twice.
    /// </remarks>
    IInferenceSession IInferenceEngine.Load(ModelPackage package, string role, int threads)
    {
        ArgumentNullException.ThrowIfNull(package);
        return Load(package.GraphPath(role), threads, keepsMemory: role == GraphRole.Whole || (role == GraphRole.Tile && package.TakesPixels));
    }

    public void Dispose() => _env.Dispose();

    private OnnxRuntimeSession Load(string path, int threads, bool keepsMemory)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(threads);
        GraphName name = new(path);
        try
        {
            using OrtSessionOptionsHandle options = SessionOptions(threads, keepsMemory);
            return new OnnxRuntimeSession(_api, _api.CreateSession(_env, path, options), name);
        }
        catch (InferenceException e)
        {
            // Not kept as the inner exception: its text holds the full path.
            throw new InferenceException($"{name} cannot be loaded: {name.WithoutPath(e.Message)}") { IsOutOfMemory = e.IsOutOfMemory };
        }
    }

    private OrtSessionOptionsHandle SessionOptions(int threads, bool keepsMemory)
    {
        OrtSessionOptionsHandle options = _api.CreateSessionOptions();
        _api.SetSessionLogSeverityLevelFatal(options);
        _api.SetSessionGraphOptimizationLevelAll(options);
        _api.SetIntraOpNumThreads(options, threads);
        _api.SetInterOpNumThreads(options, 1);
        _api.AddSessionConfigEntry(options, "session.intra_op.allow_spinning", _options.AllowSpinning ? "1" : "0");
        if (_options.CudaDevice is int device)
        {
            _api.SessionOptionsAppendExecutionProviderCudaV2(options, device);
        }

        if (!keepsMemory)
        {
            _api.DisableCpuMemArena(options);
            _api.DisableMemPattern(options);
        }

        return options;
    }
}
