using SlideMesh.Inference.Packages;

namespace SlideMesh.Inference.Engines;

/// <summary>Something that runs model graphs on a device. Thread-safe.</summary>
public interface IInferenceEngine : IDisposable
{
    /// <summary>
    /// Engine and version, e.g. <c>onnxruntime 1.30.0</c>, with whatever else may change the last bits of results (kind of device, precision).
    /// It is part of the key under which results are kept.
    /// </summary>
    string Description { get; }

    /// <summary>The device, e.g. <c>cpu</c> or <c>cuda:1</c>.</summary>
    string Device => "cpu";

    /// <param name="path">Graph file.</param>
    /// <param name="threads">Threads that one call may use; 1 keeps reductions in one order.</param>
    /// <exception cref="InferenceException">The graph cannot be loaded.</exception>
    IInferenceSession Load(string path, int threads);

    /// <summary>Loads a package's graph in the form that suits the engine best.</summary>
    /// <param name="role">See <see cref="GraphRole"/>.</param>
    /// <inheritdoc cref="Load(string, int)"/>
    IInferenceSession Load(ModelPackage package, string role, int threads)
    {
        ArgumentNullException.ThrowIfNull(package);
        return Load(package.GraphPath(role), threads);
    }
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

    /// <summary>Runs the graph and leaves its outputs in the caller's memory.</summary>
    /// <param name="inputs">As for <see cref="Run"/>.</param>
    /// <param name="outputs">Where each wanted output goes; its shape must be the one the graph makes of these inputs.</param>
    /// <param name="cancellationToken">Ends a run under way where the engine can, at the latest after the graph's current operation.</param>
    /// <exception cref="InferenceException">As for <see cref="Run"/>; the outputs' contents are then undefined.</exception>
    /// <exception cref="OperationCanceledException">The run was ended; the outputs' contents are undefined.</exception>
    void RunInto(IReadOnlyList<TensorView> inputs, IReadOnlyList<TensorBuffer> outputs, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(outputs);
        cancellationToken.ThrowIfCancellationRequested();
        IReadOnlyList<Tensor> results = Run(inputs, [.. outputs.Select(output => output.Name)]);
        for (int i = 0; i < outputs.Count; i++)
        {
            if (!results[i].Shape.AsSpan().SequenceEqual(outputs[i].Shape))
            {
                throw new InferenceException(
                    $"Output '{outputs[i].Name}' has shape [{string.Join(", ", results[i].Shape)}], [{string.Join(", ", outputs[i].Shape)}] was expected.");
            }

            results[i].Data.CopyTo(outputs[i].Data);
        }
    }
}

/// <param name="Shape">Dimensions, −1 where free.</param>
public sealed record TensorInfo(string Name, IReadOnlyList<long> Shape, string ElementType);

/// <summary>A named input over the caller's memory, row-major.</summary>
public readonly record struct TensorView(string Name, ReadOnlyMemory<float> Data, long[] Shape);

/// <summary>A named output's place in the caller's memory, row-major; exactly as long as the shape asks.</summary>
public readonly record struct TensorBuffer(string Name, Memory<float> Data, long[] Shape);

/// <summary>A result, row-major.</summary>
public sealed record Tensor(string Name, float[] Data, long[] Shape);

/// <summary>A model that cannot be loaded or run; the message carries the engine's own text.</summary>
public sealed class InferenceException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>The device had no memory for this run; a smaller batch may pass.</summary>
    public bool IsOutOfMemory { get; init; }
}
