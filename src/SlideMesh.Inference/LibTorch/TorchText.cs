using System.Text;
using SlideMesh.Inference.LibTorch.Onnx;

namespace SlideMesh.Inference.LibTorch;

/// <summary>Between libtorch's words and ours.</summary>
internal static unsafe class TorchText
{
    public static string Read(byte* text, int capacity)
    {
        ReadOnlySpan<byte> bytes = new(text, capacity);
        int end = bytes.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
    }

    /// <summary>
    /// Of libtorch's text, which may hold a traceback through the program, the reason: the last line that is not a quotation, and not
    /// longer than a line may be.
    /// </summary>
    public static string Reason(string text)
    {
        const int Longest = 400;
        string[] lines = [.. text.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0)];
        string reason =
            lines.LastOrDefault(line => line.StartsWith("RuntimeError: ", StringComparison.Ordinal) || line.StartsWith("torch.jit.Error: ", StringComparison.Ordinal))
            ?? lines.FirstOrDefault(line => !line.StartsWith("The following operation failed", StringComparison.Ordinal) && !line.StartsWith("Traceback", StringComparison.Ordinal))
            ?? "no text";
        return reason.Length <= Longest ? reason : reason[..Longest] + "…";
    }

    /// <summary>The number of an element type in slidemesh_torch.h.</summary>
    public static int TypeOf(OnnxType type) => type switch
    {
        OnnxType.Float => 0,
        OnnxType.Float16 => 1,
        OnnxType.BFloat16 => 2,
        OnnxType.Int64 => 3,
        OnnxType.Int32 => 4,
        OnnxType.Bool => 5,
        OnnxType.Double => 6,
        OnnxType.UInt8 => 7,
        _ => throw new OnnxException($"element type {(int)type} is not covered"),
    };
}
