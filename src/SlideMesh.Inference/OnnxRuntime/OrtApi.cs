using System.Runtime.InteropServices;
using SlideMesh.Inference.Engines;

namespace SlideMesh.Inference.OnnxRuntime;

/// <summary>
/// The members of ONNX Runtime's <c>OrtApi</c> function table that are used here, under their C names. The numbers are positions
/// in the table of onnxruntime_c_api.h, which only ever grows at its end.
/// </summary>
internal sealed unsafe class OrtApi(void** table, string version)
{
    // Errors come back as statuses; logged as well they would stand on the user's terminal beside our one line.
    private const int LogFatal = 4;
    private const int OptimiseAll = 99;
    private const int TypeTensor = 1;
    private const int ElementFloat = 1;
    private const int DeviceAllocator = 0;
    private const int MemoryDefault = 0;

    private readonly void** _table = table;

    public string Version { get; } = version;

    public OrtEnvHandle CreateEnv(string logId)
    {
        nint env = 0;
        fixed (byte* id = Utf8(logId))
        {
            Check(((delegate* unmanaged<int, byte*, nint*, nint>)_table[3])(LogFatal, id, &env));
        }

        return new OrtEnvHandle(env, (delegate* unmanaged<nint, void>)_table[92]);
    }

    public OrtSessionHandle CreateSession(OrtEnvHandle env, string path, OrtSessionOptionsHandle options)
    {
        using HandleLease e = new(env);
        using HandleLease o = new(options);
        nint session = 0;
        fixed (byte* file = Utf8(path))
        {
            Check(((delegate* unmanaged<nint, byte*, nint, nint*, nint>)_table[7])(e.Value, file, o.Value, &session));
        }

        return new OrtSessionHandle(session, (delegate* unmanaged<nint, void>)_table[95], env);
    }

    /// <param name="outputs">Zero: made by the runtime, the caller owns it afterwards. Otherwise a value that is written to.</param>
    /// <param name="runOptions">Null: the run cannot be ended.</param>
    public void Run(
        OrtSessionHandle session, OrtRunOptionsHandle? runOptions, ReadOnlySpan<nint> inputNames, ReadOnlySpan<nint> inputs,
        ReadOnlySpan<nint> outputNames, Span<nint> outputs)
    {
        using HandleLease s = new(session);
        using HandleLease r = runOptions is null ? default : new(runOptions);
        fixed (nint* inNames = inputNames, ins = inputs, outNames = outputNames, outs = outputs)
        {
            Check(((delegate* unmanaged<nint, nint, nint*, nint*, nuint, nint*, nuint, nint*, nint>)_table[9])(
                s.Value, r.Value, inNames, ins, (nuint)inputs.Length, outNames, (nuint)outputNames.Length, outs));
        }
    }

    public OrtRunOptionsHandle CreateRunOptions()
    {
        nint options = 0;
        Check(((delegate* unmanaged<nint*, nint>)_table[39])(&options));
        return new OrtRunOptionsHandle(options, (delegate* unmanaged<nint, void>)_table[97]);
    }

    /// <summary>Ends the runs that have these options before their next node. A node that has begun is not interrupted.</summary>
    public void RunOptionsSetTerminate(OrtRunOptionsHandle options)
    {
        using HandleLease o = new(options);
        Check(((delegate* unmanaged<nint, nint>)_table[46])(o.Value));
    }

    public OrtSessionOptionsHandle CreateSessionOptions()
    {
        nint options = 0;
        Check(((delegate* unmanaged<nint*, nint>)_table[10])(&options));
        return new OrtSessionOptionsHandle(options, (delegate* unmanaged<nint, void>)_table[100]);
    }

    public void DisableMemPattern(OrtSessionOptionsHandle options) => Set(options, 17);

    public void DisableCpuMemArena(OrtSessionOptionsHandle options) => Set(options, 19);

    public void SetSessionLogSeverityLevelFatal(OrtSessionOptionsHandle options) => Set(options, 22, LogFatal);

    public void SetSessionGraphOptimizationLevelAll(OrtSessionOptionsHandle options) => Set(options, 23, OptimiseAll);

    public void SetIntraOpNumThreads(OrtSessionOptionsHandle options, int threads) => Set(options, 24, threads);

    public void SetInterOpNumThreads(OrtSessionOptionsHandle options, int threads) => Set(options, 25, threads);

    public void AddSessionConfigEntry(OrtSessionOptionsHandle options, string key, string value)
    {
        using HandleLease o = new(options);
        fixed (byte* k = Utf8(key), v = Utf8(value))
        {
            Check(((delegate* unmanaged<nint, byte*, byte*, nint>)_table[130])(o.Value, k, v));
        }
    }

    /// <summary>Names of the execution providers that this library was built with, e.g. <c>CUDAExecutionProvider</c>.</summary>
    public IReadOnlyList<string> GetAvailableProviders()
    {
        byte** names = null;
        int count = 0;
        Check(((delegate* unmanaged<byte***, int*, nint>)_table[125])(&names, &count));
        List<string> providers = [];
        for (int i = 0; i < count; i++)
        {
            providers.Add(Marshal.PtrToStringUTF8((nint)names[i]) ?? "");
        }

        Check(((delegate* unmanaged<byte**, int, nint>)_table[126])(names, count));
        return providers;
    }

    /// <summary>Puts sessions with these options on a GPU.</summary>
    public void SessionOptionsAppendExecutionProviderCudaV2(OrtSessionOptionsHandle options, int device)
    {
        using HandleLease o = new(options);
        nint cuda = 0;
        Check(((delegate* unmanaged<nint*, nint>)_table[205])(&cuda));
        try
        {
            fixed (byte* key = Utf8("device_id"), value = Utf8(device.ToString(System.Globalization.CultureInfo.InvariantCulture)))
            {
                byte* k = key;
                byte* v = value;
                Check(((delegate* unmanaged<nint, byte**, byte**, nuint, nint>)_table[206])(cuda, &k, &v, 1));
            }

            Check(((delegate* unmanaged<nint, nint, nint>)_table[204])(o.Value, cuda));
        }
        finally
        {
            ((delegate* unmanaged<nint, void>)_table[208])(cuda);
        }
    }

    public IReadOnlyList<TensorInfo> SessionGetInputs(OrtSessionHandle session) => Tensors(session, count: 30, typeInfo: 33, name: 36);

    public IReadOnlyList<TensorInfo> SessionGetOutputs(OrtSessionHandle session) => Tensors(session, count: 31, typeInfo: 34, name: 37);

    public OrtMemoryInfoHandle CreateCpuMemoryInfo()
    {
        nint info = 0;
        Check(((delegate* unmanaged<int, int, nint*, nint>)_table[69])(DeviceAllocator, MemoryDefault, &info));
        return new OrtMemoryInfoHandle(info, (delegate* unmanaged<nint, void>)_table[94]);
    }

    /// <param name="data">Pinned by the caller until the value is disposed.</param>
    public OrtValueHandle CreateTensorWithDataAsOrtValue(OrtMemoryInfoHandle memory, float* data, int length, ReadOnlySpan<long> shape)
    {
        using HandleLease m = new(memory);
        nint value = 0;
        fixed (long* dims = shape)
        {
            Check(((delegate* unmanaged<nint, void*, nuint, long*, nuint, int, nint*, nint>)_table[49])(
                m.Value, data, (nuint)length * sizeof(float), dims, (nuint)shape.Length, ElementFloat, &value));
        }

        return Adopt(value);
    }

    /// <summary>Takes over a value that <see cref="Run"/> made.</summary>
    public OrtValueHandle Adopt(nint value) => new(value, (delegate* unmanaged<nint, void>)_table[96]);

    /// <summary>The value's shape and its data, valid until it is disposed.</summary>
    public ReadOnlySpan<float> GetTensorData(OrtValueHandle value, out long[] shape)
    {
        using HandleLease v = new(value);
        nint info = 0;
        Check(((delegate* unmanaged<nint, nint*, nint>)_table[65])(v.Value, &info));
        using OrtTensorTypeAndShapeInfoHandle owned = new(info, (delegate* unmanaged<nint, void>)_table[99]);
        if (ElementType(info) != ElementFloat)
        {
            throw new InferenceException($"The output's element type is {ElementName(ElementType(info))}, float is needed.");
        }

        shape = Dimensions(info);
        void* data = null;
        Check(((delegate* unmanaged<nint, void**, nint>)_table[51])(v.Value, &data));
        long length = 1;
        foreach (long extent in shape)
        {
            length = checked(length * extent);
        }

        return new ReadOnlySpan<float>(data, checked((int)length));
    }

    private List<TensorInfo> Tensors(OrtSessionHandle session, int count, int typeInfo, int name)
    {
        using HandleLease s = new(session);
        nint allocator = 0;
        Check(((delegate* unmanaged<nint*, nint>)_table[78])(&allocator));
        nuint tensors = 0;
        Check(((delegate* unmanaged<nint, nuint*, nint>)_table[count])(s.Value, &tensors));
        List<TensorInfo> list = [];
        for (nuint i = 0; i < tensors; i++)
        {
            byte* text = null;
            Check(((delegate* unmanaged<nint, nuint, nint, byte**, nint>)_table[name])(s.Value, i, allocator, &text));
            string tensorName = Marshal.PtrToStringUTF8((nint)text) ?? "";
            Check(((delegate* unmanaged<nint, void*, nint>)_table[76])(allocator, text));
            nint type = 0;
            Check(((delegate* unmanaged<nint, nuint, nint*, nint>)_table[typeInfo])(s.Value, i, &type));
            using OrtTypeInfoHandle owned = new(type, (delegate* unmanaged<nint, void>)_table[98]);
            int kind = 0;
            Check(((delegate* unmanaged<nint, int*, nint>)_table[56])(type, &kind));
            if (kind != TypeTensor)
            {
                list.Add(new TensorInfo(tensorName, [], "not a tensor"));
                continue;
            }

            nint info = 0;
            Check(((delegate* unmanaged<nint, nint*, nint>)_table[55])(type, &info));
            list.Add(new TensorInfo(tensorName, Dimensions(info), ElementName(ElementType(info))));
        }

        return list;
    }

    private int ElementType(nint info)
    {
        int type = 0;
        Check(((delegate* unmanaged<nint, int*, nint>)_table[60])(info, &type));
        return type;
    }

    private long[] Dimensions(nint info)
    {
        nuint rank = 0;
        Check(((delegate* unmanaged<nint, nuint*, nint>)_table[61])(info, &rank));
        long[] shape = new long[(int)rank];
        fixed (long* dims = shape)
        {
            Check(((delegate* unmanaged<nint, long*, nuint, nint>)_table[62])(info, dims, rank));
        }

        return shape;
    }

    private void Set(OrtSessionOptionsHandle options, int member)
    {
        using HandleLease o = new(options);
        Check(((delegate* unmanaged<nint, nint>)_table[member])(o.Value));
    }

    private void Set(OrtSessionOptionsHandle options, int member, int value)
    {
        using HandleLease o = new(options);
        Check(((delegate* unmanaged<nint, int, nint>)_table[member])(o.Value, value));
    }

    /// <summary>Every call's status comes through here.</summary>
    private void Check(nint status)
    {
        if (status == 0)
        {
            return;
        }

        byte* text = ((delegate* unmanaged<nint, byte*>)_table[2])(status);
        string message = Marshal.PtrToStringUTF8((nint)text) ?? "no text";
        ((delegate* unmanaged<nint, void>)_table[93])(status);
        throw new InferenceException($"ONNX Runtime {Version}: {message}") { IsOutOfMemory = SaysOutOfMemory(message) };
    }

    // The runtime has no error code for this: allocation failures arrive as ORT_FAIL or ORT_RUNTIME_EXCEPTION with these texts.
    private static bool SaysOutOfMemory(string message) =>
        message.Contains("Failed to allocate memory", StringComparison.OrdinalIgnoreCase)
        || message.Contains("out of memory", StringComparison.OrdinalIgnoreCase)
        || message.Contains("bad_alloc", StringComparison.OrdinalIgnoreCase)
        || message.Contains("CUDA error cudaErrorMemoryAllocation", StringComparison.OrdinalIgnoreCase);

    private static byte[] Utf8(string text) => System.Text.Encoding.UTF8.GetBytes(text + '\0');

    private static string ElementName(int type) => type switch
    {
        1 => "float",
        2 => "uint8",
        3 => "int8",
        6 => "int32",
        7 => "int64",
        9 => "bool",
        10 => "float16",
        11 => "double",
        16 => "bfloat16",
        _ => $"element type {type}",
    };

    /// <summary>Keeps a handle alive during a native call.</summary>
    private ref struct HandleLease
    {
        private readonly OrtHandle? _handle;
        private bool _held;

        public HandleLease(OrtHandle handle)
        {
            _handle = handle;
            handle.DangerousAddRef(ref _held);
        }

        public readonly nint Value => _handle?.DangerousGetHandle() ?? 0;

        public void Dispose()
        {
            if (_held)
            {
                _held = false;
                _handle!.DangerousRelease();
            }
        }
    }
}
