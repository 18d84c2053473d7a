namespace SlideMesh.Inference.LibTorch.Onnx;

/// <summary>Element types of ONNX that are read, by their numbers in onnx.proto.</summary>
internal enum OnnxType
{
    Float = 1,
    UInt8 = 2,
    Int32 = 6,
    Int64 = 7,
    Bool = 9,
    Float16 = 10,
    Double = 11,
    BFloat16 = 16,
}

/// <summary>A graph in the order of its nodes, which ONNX requires to be one of execution.</summary>
/// <param name="Opset">Version of ONNX's own operators.</param>
/// <param name="Inputs">Without the initializers.</param>
internal sealed record OnnxGraph(
    int Opset, IReadOnlyList<OnnxValueInfo> Inputs, IReadOnlyList<OnnxValueInfo> Outputs, IReadOnlyDictionary<string, OnnxTensor> Initializers, IReadOnlyList<OnnxNode> Nodes);

/// <param name="Shape">−1 where free; null when the rank is open.</param>
internal sealed record OnnxValueInfo(string Name, OnnxType Type, IReadOnlyList<long>? Shape);

/// <param name="Domain">Empty for ONNX's own operators.</param>
/// <param name="Inputs">Names; empty for an optional input that is left out.</param>
internal sealed record OnnxNode(
    string Operator, string Domain, IReadOnlyList<string> Inputs, IReadOnlyList<string> Outputs, IReadOnlyDictionary<string, OnnxAttribute> Attributes);

/// <summary>An attribute; which member counts follows from the operator.</summary>
internal sealed record OnnxAttribute
{
    public float Float { get; init; }

    public long Int { get; init; }

    public string Text { get; init; } = "";

    public OnnxTensor? Tensor { get; init; }

    public IReadOnlyList<long> Ints { get; init; } = [];

    public IReadOnlyList<float> Floats { get; init; } = [];

    /// <summary>Holds a graph of its own (If, Loop, Scan).</summary>
    public bool IsGraph { get; init; }
}

/// <param name="Data">Little-endian, row-major; as long as type and shape ask.</param>
internal sealed record OnnxTensor(OnnxType Type, IReadOnlyList<long> Shape, ReadOnlyMemory<byte> Data)
{
    public static int ElementBytes(OnnxType type) => type switch
    {
        OnnxType.UInt8 or OnnxType.Bool => 1,
        OnnxType.Float16 or OnnxType.BFloat16 => 2,
        OnnxType.Float or OnnxType.Int32 => 4,
        OnnxType.Int64 or OnnxType.Double => 8,
        _ => throw new OnnxException($"element type {(int)type} is not covered"),
    };

    public bool IsFloating => Type is OnnxType.Float or OnnxType.Double or OnnxType.Float16 or OnnxType.BFloat16;

    public long Count => Shape.Aggregate(1L, (product, extent) => product * extent);

    /// <summary>Whole numbers of an integer or Boolean tensor.</summary>
    public long[] ToInt64()
    {
        long[] values = new long[Count];
        ReadOnlySpan<byte> data = Data.Span;
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = Type switch
            {
                OnnxType.Int64 => BitConverter.ToInt64(data[(8 * i)..]),
                OnnxType.Int32 => BitConverter.ToInt32(data[(4 * i)..]),
                OnnxType.Bool or OnnxType.UInt8 => data[i],
                _ => throw new OnnxException("whole numbers are needed where the graph has others"),
            };
        }

        return values;
    }

    /// <summary>The one number of a scalar, or of a tensor of one element.</summary>
    public double ToDouble() => Count == 1
        ? Type switch
        {
            OnnxType.Float => BitConverter.ToSingle(Data.Span),
            OnnxType.Double => BitConverter.ToDouble(Data.Span),
            OnnxType.Float16 => (double)BitConverter.ToHalf(Data.Span),
            OnnxType.BFloat16 => BitConverter.Int32BitsToSingle(BitConverter.ToUInt16(Data.Span) << 16),
            _ => ToInt64()[0],
        }
        : throw new OnnxException($"one number is needed where the graph has {Count}");
}
