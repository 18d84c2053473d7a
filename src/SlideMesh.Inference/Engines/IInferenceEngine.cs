namespace SlideMesh.Inference.Engines;

/// <summary>Something that runs model graphs on a device. Thread-safe.</summary>
public interface IInferenceEngine : IDisposable
{
    /// <summary>Engine and version, e.g. <c>onnxruntime 1.30.0</c>.</summary>
    string Description { get; }

    /// <param name="path">Graph file.</param>
    /// <param name="threads">Threads that one call may use; 1 keeps reductions in one order.</param>
    /// <exception cref="InferenceException">The graph cannot be loaded.</exception>
    IInferenceSession Load(string path, int threads);
}

/// <summary>A loaded graph. <see cref="Run"/> may be called from several threads at once.</summary>
public interface IInferenceSession : IDisposable
{
    IReadOnlyList<TensorInfo> Inputs { get; }

    IReadOnlyList<TensorInfo> Outputs { get; }

    /// <summary>Runs the graph on float32 tensors.</summary>
    /// <param name="inputs">One per graph input, by name, in any order. Memory is pinned for the call only.</param>
    /// <param name="outputNames">Outputs wanted, in the order of the result.</param>
    /// <returns>Outputs, copied into managed arrays.</returns>
    /// <exception cref="InferenceException">Wrong shapes or a failure inside of the engine, with its own text.</exception>
    IReadOnlyList<Tensor> Run(IReadOnlyList<TensorView> inputs, IReadOnlyList<string> outputNames);
}

/// <param name="Shape">Dimensions, −1 where free.</param>
public sealed record TensorInfo(string Name, IReadOnlyList<long> Shape, string ElementType);

/// <summary>A named input over the caller's memory, row-major.</summary>
public readonly record struct TensorView(string Name, ReadOnlyMemory<float> Data, long[] Shape);

/// <summary>A result, row-major.</summary>
public sealed record Tensor(string Name, float[] Data, long[] Shape);

/// <summary>A model that cannot be loaded or run; the message carries the engine's own text.</summary>
public sealed class InferenceException(string message, Exception? inner = null) : Exception(message, inner);
