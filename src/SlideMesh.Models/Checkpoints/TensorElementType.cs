namespace SlideMesh.Models.Checkpoints;

/// <summary>How a checkpoint stores the elements of a tensor.</summary>
public enum TensorElementType
{
    Float32,
    Float64,
    Float16,
    BFloat16,
    Int8,
    UInt8,
    Int16,
    Int32,
    Int64,
    Bool,
}

internal static class TensorElementTypes
{
    /// <summary>Bytes of one element.</summary>
    public static int Size(this TensorElementType type) => type switch
    {
        TensorElementType.Float64 or TensorElementType.Int64 => 8,
        TensorElementType.Float32 or TensorElementType.Int32 => 4,
        TensorElementType.Float16 or TensorElementType.BFloat16 or TensorElementType.Int16 => 2,
        _ => 1,
    };
}
