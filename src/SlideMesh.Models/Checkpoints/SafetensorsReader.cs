using System.Buffers.Binary;
using System.Text.Json;
using SlideMesh.Models.Checkpoints.Pickle;

namespace SlideMesh.Models.Checkpoints;

/// <summary>
/// Safetensors: eight bytes with the length of a JSON header, the header (name → dtype, shape, data_offsets), then the numbers.
/// https://huggingface.co/docs/safetensors, "Format".
/// </summary>
internal static class SafetensorsReader
{
    /// <summary>The format's own bound.</summary>
    private const long LongestHeader = 100_000_000;

    public static PickleDict Read(CheckpointFile file)
    {
        Span<byte> lengthBytes = stackalloc byte[8];
        file.Read(0, lengthBytes);
        ulong claimed = BinaryPrimitives.ReadUInt64LittleEndian(lengthBytes);
        if (claimed > LongestHeader || (long)claimed > file.Length - 8)
        {
            throw file.Fail($"claims a header of {claimed} bytes, the file has {file.Length}; it is cut short or damaged: fetch it again.");
        }

        long length = (long)claimed;

        byte[] header = new byte[length];
        file.Read(8, header);
        FileSegment data = new(file, 8 + length, file.Length - 8 - length);
        try
        {
            using JsonDocument document = JsonDocument.Parse(header, new JsonDocumentOptions { AllowDuplicateProperties = false });
            PickleDict tensors = new();
            foreach (JsonProperty entry in document.RootElement.EnumerateObject().Where(e => e.Name != "__metadata__"))
            {
                tensors[entry.Name] = Tensor(file, data, entry);
            }

            return tensors;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or KeyNotFoundException)
        {
            throw file.Fail($"has a header that is not safetensors' ({e.Message.ReplaceLineEndings(" ")}); it is damaged: fetch it again.", e);
        }
    }

    private static CheckpointTensor Tensor(CheckpointFile file, FileSegment data, JsonProperty entry)
    {
        string type = entry.Value.GetProperty("dtype").GetString() ?? "";
        TensorElementType element = type switch
        {
            "F32" => TensorElementType.Float32,
            "F64" => TensorElementType.Float64,
            "F16" => TensorElementType.Float16,
            "BF16" => TensorElementType.BFloat16,
            "I8" => TensorElementType.Int8,
            "U8" => TensorElementType.UInt8,
            "I16" => TensorElementType.Int16,
            "I32" => TensorElementType.Int32,
            "I64" => TensorElementType.Int64,
            "BOOL" => TensorElementType.Bool,
            _ => throw file.Fail($"tensor '{entry.Name}' has the element type '{type}', which is not read; save it as F32, F16 or BF16."),
        };
        long[] shape = [.. entry.Value.GetProperty("shape").EnumerateArray().Select(e => e.GetInt64())];
        long[] offsets = [.. entry.Value.GetProperty("data_offsets").EnumerateArray().Select(e => e.GetInt64())];
        if (offsets is not [var from, var to] || from < 0 || to < from || to > data.Length)
        {
            throw file.Fail($"tensor '{entry.Name}' points outside of the file; it is cut short or damaged: fetch it again.");
        }

        try
        {
            CheckpointTensor tensor = new(entry.Name, element, shape, new Part(data, from, to - from));
            return tensor.Count * element.Size() == to - from
                ? tensor
                : throw file.Fail($"tensor '{entry.Name}' [{string.Join(", ", shape)}] of {type} takes {tensor.Count * element.Size()} bytes, {to - from} are given; it is damaged: fetch it again.");
        }
        catch (ArgumentException e)
        {
            throw file.Fail($"tensor '{entry.Name}' {e.Message}; it is damaged: fetch it again.", e);
        }
    }

    private sealed class Part(FileSegment data, long start, long length) : IByteSource
    {
        public long Length => length;

        public void Read(long offset, Span<byte> destination) => data.Read(start + offset, destination);
    }
}
