using SlideMesh.Inference.Engines;

namespace SlideMesh.Inference.OnnxRuntime;

/// <summary>Runs ONNX graphs by ONNX Runtime's C interface on the CPU. Thread-safe; sessions may outlive the engine.</summary>
public sealed class OnnxRuntimeEngine : IInferenceEngine
{
    private readonly OrtApi _api;
    private readonly OrtEnvHandle _env;
    private readonly OnnxRuntimeOptions _options;

    /// <exception cref="Slides.Native.NativeLibraryUnavailableException">The library is missing or too old.</exception>
    public OnnxRuntimeEngine(OnnxRuntimeOptions? options = null)
    {
        _options = options ?? new OnnxRuntimeOptions();
        _api = OnnxRuntimeLibrary.Api;
        _env = _api.CreateEnv("slidemesh");
    }

    public string Description => $"onnxruntime {_api.Version}";

    public IInferenceSession Load(string path, int threads)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(threads);
        GraphName name = new(path);
        try
        {
            using OrtSessionOptionsHandle options = SessionOptions(threads);
            return new OnnxRuntimeSession(_api, _api.CreateSession(_env, path, options), name);
        }
        catch (InferenceException e)
        {
            // Not kept as the inner exception: its text holds the full path.
            throw new InferenceException($"{name} cannot be loaded: {name.WithoutPath(e.Message)}") { IsOutOfMemory = e.IsOutOfMemory };
        }
    }

    public void Dispose() => _env.Dispose();

    private OrtSessionOptionsHandle SessionOptions(int threads)
    {
        OrtSessionOptionsHandle options = _api.CreateSessionOptions();
        _api.SetSessionLogSeverityLevelFatal(options);
        _api.SetSessionGraphOptimizationLevelAll(options);
        _api.SetIntraOpNumThreads(options, threads);
        _api.SetInterOpNumThreads(options, 1);
        _api.AddSessionConfigEntry(options, "session.intra_op.allow_spinning", _options.AllowSpinning ? "1" : "0");
        if (!_options.MemoryArena)
        {
            _api.DisableCpuMemArena(options);
            _api.DisableMemPattern(options);
        }

        return options;
    }
}
