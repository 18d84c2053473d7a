namespace SlideMesh.Inference.LibTorch;

/// <summary>A device that libtorch computes on.</summary>
/// <param name="Index">Among the CUDA devices; 0 for the CPU.</param>
public readonly record struct TorchDevice(bool IsCuda, int Index)
{
    public static TorchDevice Cpu => default;

    public static TorchDevice Cuda(int index) => new(IsCuda: true, index);

    internal int Kind => IsCuda ? 1 : 0;

    /// <summary>The kind alone: results of equal devices are the same.</summary>
    public string KindName => IsCuda ? "cuda" : "cpu";

    public override string ToString() => IsCuda ? $"cuda:{Index}" : "cpu";
}

/// <summary>A device as libtorch sees it.</summary>
/// <param name="Name">As its driver says; <c>CPU</c>.</param>
/// <param name="TotalBytes">Null for the CPU.</param>
/// <param name="FreeBytes">Null for the CPU.</param>
public sealed record TorchDeviceDescription(TorchDevice Device, string Name, long? TotalBytes, long? FreeBytes);
