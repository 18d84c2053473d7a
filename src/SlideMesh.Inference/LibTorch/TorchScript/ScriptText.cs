using System.Globalization;
using SlideMesh.Inference.LibTorch.Onnx;

namespace SlideMesh.Inference.LibTorch.TorchScript;

/// <summary>Literals of TorchScript source.</summary>
internal static class ScriptText
{
    /// <summary>A float with a decimal point or an exponent, so that it is never taken for an int.</summary>
    public static string Of(double value)
    {
        if (!double.IsFinite(value))
        {
            return double.IsNaN(value) ? "float('nan')" : value > 0 ? "float('inf')" : "float('-inf')";
        }

        string text = value.ToString("R", CultureInfo.InvariantCulture).ToLowerInvariant();
        return text.Contains('.') || text.Contains('e') ? text : text + ".0";
    }

    public static string Of(long value) => value.ToString(CultureInfo.InvariantCulture);

    public static string Of(IEnumerable<long> values) => $"[{string.Join(", ", values.Select(Of))}]";

    public static string Of(bool value) => value ? "True" : "False";

    /// <summary>PyTorch's number of an element type (c10/core/ScalarType.h), as its own serialised programs spell them.</summary>
    /// <param name="precision">What floating types become: the precision of the model.</param>
    public static string Dtype(OnnxType type, Precision precision) => type switch
    {
        OnnxType.Bool => "11",
        OnnxType.UInt8 => "0",
        OnnxType.Int32 => "3",
        OnnxType.Int64 => "4",
        OnnxType.Float or OnnxType.Double or OnnxType.Float16 or OnnxType.BFloat16 =>
            precision switch { Precision.Fp16 => "5", Precision.Bf16 => "15", _ => "6" },
        _ => throw new OnnxException($"element type {(int)type} is not covered"),
    };
}
