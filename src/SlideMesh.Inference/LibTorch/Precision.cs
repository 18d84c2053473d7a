namespace SlideMesh.Inference.LibTorch;

/// <summary>Numbers that tile graphs are computed in. Their results, and the heads, are float32 always.</summary>
public enum Precision
{
    Fp32,

    Fp16,

    Bf16,
}
