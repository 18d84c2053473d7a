namespace SlideMesh.Inference.LibTorch;

/// <summary>How libtorch runs graphs.</summary>
public sealed record LibTorchOptions
{
    public TorchDevice Device { get; init; } = TorchDevice.Cpu;

    /// <summary>Of graphs that take pixels. Heads are computed in float32: they cost little, and their sums run over thousands of tiles.</summary>
    public Precision Precision { get; init; } = Precision.Fp32;

    /// <summary>Weights and pixels with channels last. Null: whichever is faster on a GPU, plain order on a CPU.</summary>
    public bool? ChannelsLast { get; init; }

    /// <summary>Runs of one shape are recorded once and replayed (CUDA graphs). Null: where it is faster.</summary>
    public bool? Graphs { get; init; }
}
