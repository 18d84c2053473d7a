using System.CommandLine;
using System.Globalization;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.LibTorch;
using SlideMesh.Inference.OnnxRuntime;

namespace SlideMesh.Cli.Commands;

/// <summary>Which engine computes, on which devices, in which precision: the same for every verb that runs models.</summary>
/// <param name="prefix">Environment variables that stand for options that are not given begin with this (a node's are set by its container); null: none do.</param>
internal sealed class EngineOptions(string? prefix = null)
{
    private const string OnnxRuntime = "onnxruntime";
    private const string LibTorch = "libtorch";

    private readonly Option<string> _engine = new("--engine")
    {
        Description = "What computes the models: onnxruntime, or libtorch (build it first: 'slidemesh doctor --build-torch').",
        DefaultValueFactory = _ => Variable(prefix, "ENGINE") ?? OnnxRuntime,
        HelpName = "engine",
    };

    private readonly Option<string> _device = new("--device")
    {
        Description = "Where: auto (with libtorch the first GPU if there is one, else the CPU), cpu, cuda, cuda:1, or all GPUs at once: all.",
        DefaultValueFactory = _ => Variable(prefix, "DEVICE") ?? "auto",
        HelpName = "device",
    };

    private readonly Option<string> _precision = new("--precision")
    {
        Description = "Numbers that libtorch computes models of pixels in: fp32, fp16 or bf16. Heads are fp32 always.",
        DefaultValueFactory = _ => Variable(prefix, "PRECISION") ?? "fp32",
        HelpName = "numbers",
    };

    private static string? Variable(string? prefix, string name) => prefix is null ? null : ClusterOptions.Variable(prefix + name);

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_engine, _device, _precision])
        {
            command.Options.Add(option);
        }
    }

    /// <exception cref="CommandException">A value that makes no sense, or a device that is not there.</exception>
    /// <exception cref="Slides.Native.NativeLibraryUnavailableException">The engine's library is missing.</exception>
    /// <exception cref="InferenceException">The device does not compute in this precision.</exception>
    public EngineSet Open(ParseResult parsed)
    {
        string device = parsed.GetValue(_device)!;
        Precision precision = parsed.GetValue(_precision) switch
        {
            "fp32" => Precision.Fp32,
            "fp16" => Precision.Fp16,
            "bf16" => Precision.Bf16,
            var other => throw new CommandException($"--precision '{other}' is not one of fp32, fp16, bf16"),
        };
        return parsed.GetValue(_engine) switch
        {
            OnnxRuntime when precision != Precision.Fp32 => throw new CommandException("--precision is the libtorch engine's: add --engine libtorch"),
            OnnxRuntime => new EngineSet([new OnnxRuntimeEngine(new OnnxRuntimeOptions { CudaDevice = OnnxRuntimeDevice(device) })]),
            LibTorch => OpenLibTorch(device, precision),
            var other => throw new CommandException($"--engine '{other}' is not one of {OnnxRuntime}, {LibTorch}"),
        };
    }

    private static int? OnnxRuntimeDevice(string device) => device switch
    {
        "auto" or "cpu" => null,
        "all" => throw new CommandException("--device all is the libtorch engine's: add --engine libtorch, or name one device"),
        _ => CudaIndex(device),
    };

    private static EngineSet OpenLibTorch(string device, Precision precision)
    {
        int gpus = LibTorchEngine.Devices().Count(d => d.Device.IsCuda);
        IReadOnlyList<TorchDevice> devices = device switch
        {
            "cpu" => [TorchDevice.Cpu],
            "auto" => [gpus > 0 ? TorchDevice.Cuda(0) : TorchDevice.Cpu],
            "all" => gpus > 0 ? [.. Enumerable.Range(0, gpus).Select(TorchDevice.Cuda)] : [TorchDevice.Cpu],
            _ => [TorchDevice.Cuda(CudaIndex(device))],
        };
        if (devices.FirstOrDefault(d => d.IsCuda && d.Index >= gpus) is { IsCuda: true } missing)
        {
            string sees = gpus == 0
                ? $"{LibTorchEngine.Build()} sees no GPU"
                : string.Create(CultureInfo.InvariantCulture, $"libtorch sees {gpus} (cuda:0{(gpus > 1 ? $" to cuda:{gpus - 1}" : "")})");
            throw new CommandException($"--device {device}: there is no device {missing}; {sees} (see 'slidemesh doctor')");
        }

        List<IInferenceEngine> engines = [];
        try
        {
            foreach (TorchDevice one in devices)
            {
                engines.Add(new LibTorchEngine(new LibTorchOptions { Device = one, Precision = precision }));
            }

            return new EngineSet(engines);
        }
        catch
        {
            engines.ForEach(engine => engine.Dispose());
            throw;
        }
    }

    private static int CudaIndex(string device)
    {
        int index = 0;
        bool known = device == "cuda"
            || (device.StartsWith("cuda:", StringComparison.Ordinal) && int.TryParse(device.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out index) && index < 64);
        return known ? index : throw new CommandException($"--device '{device}' is not one of auto, cpu, cuda, cuda:N, all");
    }
}

/// <summary>An engine a device.</summary>
internal sealed class EngineSet(IReadOnlyList<IInferenceEngine> engines) : IDisposable
{
    /// <summary>The one that heads run on.</summary>
    public IInferenceEngine First => engines[0];

    public IReadOnlyList<IInferenceEngine> Others => [.. engines.Skip(1)];

    public void Dispose()
    {
        foreach (IInferenceEngine engine in engines)
        {
            engine.Dispose();
        }
    }
}
