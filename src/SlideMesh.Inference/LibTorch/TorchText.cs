using System.Text;
using System.Text.RegularExpressions;
using SlideMesh.Inference.LibTorch.Onnx;

namespace SlideMesh.Inference.LibTorch;

/// <summary>Between libtorch's words and ours.</summary>
internal static unsafe partial class TorchText
{
    public static string Read(byte* text, int capacity)
    {
        ReadOnlySpan<byte> bytes = new(text, capacity);
        int end = bytes.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
    }

    /// <summary>Of libtorch's text, which may hold tracebacks through the program and files of whoever wrote it, the reason: one line of bounded length.</summary>
    public static string Reason(string text)
    {
        const int Longest = 400;
        string reason = Named().Matches(text) is [.., { } last]
            ? last.Groups["reason"].Value.Trim()
            : text.Split('\n').Select(line => line.Trim()).FirstOrDefault(line => line.Length > 0) ?? "no text";
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

    /// <summary>How interpreters end a traceback.</summary>
    [GeneratedRegex(@"^(builtins\.)?\w*(Error|Exception): (?<reason>.+)$", RegexOptions.Multiline)]
    private static partial Regex Named();
}
