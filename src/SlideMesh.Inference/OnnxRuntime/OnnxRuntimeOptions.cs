namespace SlideMesh.Inference.OnnxRuntime;

/// <summary>How ONNX Runtime runs graphs.</summary>
public sealed record OnnxRuntimeOptions
{
    /// <summary>Number of the GPU, for a library that was built with the CUDA provider; null computes on the CPU.</summary>
    public int? CudaDevice { get; init; }

    /// <summary>
    /// Pool threads wait in a busy loop. False: they sleep, which leaves the cores to the decoders. Of no effect with one thread; measured
    /// with two: spinning spends 1.1 to 1.9 times the CPU time a tile and was never faster.
    /// </summary>
    public bool AllowSpinning { get; init; }
}
