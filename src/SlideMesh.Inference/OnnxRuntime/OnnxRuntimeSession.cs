using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using SlideMesh.Inference.Engines;

namespace SlideMesh.Inference.OnnxRuntime;

/// <summary>A graph in ONNX Runtime. The runtime's own Run is thread-safe, so several threads may call this at once.</summary>
internal sealed unsafe class OnnxRuntimeSession : IInferenceSession
{
    private readonly OrtApi _api;
    private readonly OrtSessionHandle _session;
    private readonly OrtMemoryInfoHandle _memory;
    private readonly GraphName _name;
    private readonly Dictionary<string, byte[]> _names = [];

    internal OnnxRuntimeSession(OrtApi api, OrtSessionHandle session, GraphName name)
    {
        _api = api;
        _session = session;
        _name = name;
        Inputs = api.SessionGetInputs(session);
        Outputs = api.SessionGetOutputs(session);
        _memory = api.CreateCpuMemoryInfo();
        foreach (TensorInfo tensor in Inputs.Concat(Outputs))
        {
            // Pinned, so that Run needs neither allocation nor a handle for a name.
            byte[] utf8 = Encoding.UTF8.GetBytes(tensor.Name);
            byte[] zeroEnded = GC.AllocateArray<byte>(utf8.Length + 1, pinned: true);
            utf8.CopyTo(zeroEnded, 0);
            _names.TryAdd(tensor.Name, zeroEnded);
        }
    }

    public IReadOnlyList<TensorInfo> Inputs { get; }

    public IReadOnlyList<TensorInfo> Outputs { get; }

    public IReadOnlyList<Tensor> Run(IReadOnlyList<TensorView> inputs, IReadOnlyList<string> outputNames)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(outputNames);
        nint[] values = new nint[outputNames.Count];
        nint[] names = [.. outputNames.Select(NamePointer)];
        Execute(inputs, names, values, CancellationToken.None);
        OrtValueHandle[] owned = [.. values.Select(_api.Adopt)];
        try
        {
            Tensor[] tensors = new Tensor[owned.Length];
            for (int i = 0; i < owned.Length; i++)
            {
                float[] data = _api.GetTensorData(owned[i], out long[] shape).ToArray();
                tensors[i] = new Tensor(outputNames[i], data, shape);
            }

            return tensors;
        }
        finally
        {
            DisposeAll(owned);
        }
    }

    public void RunInto(IReadOnlyList<TensorView> inputs, IReadOnlyList<TensorBuffer> outputs, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(outputs);
        using PinnedTensors pinned = new(_api, _memory, outputs.Count);
        nint[] names = new nint[outputs.Count];
        for (int i = 0; i < outputs.Count; i++)
        {
            names[i] = NamePointer(outputs[i].Name);
            pinned.Add(outputs[i].Name, outputs[i].Data, outputs[i].Shape);
        }

        Execute(inputs, names, pinned.Values, cancellationToken);
    }

    public void Dispose()
    {
        _session.Dispose();
        _memory.Dispose();
    }

    private void Execute(IReadOnlyList<TensorView> inputs, nint[] outputNames, nint[] outputs, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using PinnedTensors pinned = new(_api, _memory, inputs.Count);
        nint[] names = new nint[inputs.Count];
        for (int i = 0; i < inputs.Count; i++)
        {
            names[i] = NamePointer(inputs[i].Name);
            pinned.Add(inputs[i].Name, inputs[i].Data, inputs[i].Shape);
        }

        try
        {
            if (!cancellationToken.CanBeCanceled)
            {
                _api.Run(_session, runOptions: null, names, pinned.Values, outputNames, outputs);
                return;
            }

            // Order of disposal: the registration first, which waits for a callback that is under way.
            using OrtRunOptionsHandle options = _api.CreateRunOptions();
            using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(_ => _api.RunOptionsSetTerminate(options), null);
            _api.Run(_session, options, names, pinned.Values, outputNames, outputs);
        }
        catch (InferenceException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException($"The run of {_name} was ended.", cancellationToken);
        }
        catch (InferenceException e)
        {
            throw new InferenceException($"{_name} failed: {_name.WithoutPath(e.Message)}") { IsOutOfMemory = e.IsOutOfMemory };
        }
    }

    private nint NamePointer(string name) => _names.TryGetValue(name, out byte[]? utf8)
        ? (nint)System.Runtime.CompilerServices.Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(utf8))
        : throw new InferenceException($"{_name} has no tensor '{name}'; it has {string.Join(", ", _names.Keys)}.");

    private static void DisposeAll(IEnumerable<IDisposable> items)
    {
        foreach (IDisposable item in items)
        {
            item.Dispose();
        }
    }

    /// <summary>Tensors over the caller's memory for the time of one run.</summary>
    private sealed class PinnedTensors(OrtApi api, OrtMemoryInfoHandle memory, int count) : IDisposable
    {
        private readonly MemoryHandle[] _pins = new MemoryHandle[count];
        private readonly OrtValueHandle?[] _owned = new OrtValueHandle?[count];
        private int _used;

        /// <summary>Alive until this is disposed.</summary>
        public nint[] Values { get; } = new nint[count];

        public void Add(string name, ReadOnlyMemory<float> data, long[] shape)
        {
            long length = 1;
            foreach (long extent in shape)
            {
                length = checked(length * extent);
            }

            if (length != data.Length)
            {
                throw new InferenceException($"Tensor '{name}' has {data.Length} values, its shape [{string.Join(", ", shape)}] takes {length}.");
            }

            int i = _used++;
            _pins[i] = data.Pin();
            OrtValueHandle value = api.CreateTensorWithDataAsOrtValue(memory, (float*)_pins[i].Pointer, data.Length, shape);
            _owned[i] = value;
            Values[i] = value.DangerousGetHandle();
        }

        public void Dispose()
        {
            for (int i = 0; i < _used; i++)
            {
                _owned[i]?.Dispose();
                _pins[i].Dispose();
            }
        }
    }
}
