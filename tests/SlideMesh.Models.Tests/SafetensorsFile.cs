using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using SlideMesh.Models.Checkpoints;

namespace SlideMesh.Models.Tests;

/// <summary>Writes tensors as float32 safetensors.</summary>
internal static class SafetensorsFile
{
    public static void Write(string path, IEnumerable<CheckpointTensor> tensors)
    {
        CheckpointTensor[] all = [.. tensors];
        Dictionary<string, object> header = [];
        long at = 0;
        foreach (CheckpointTensor tensor in all)
        {
            header.Add(tensor.Name, new { dtype = "F32", shape = tensor.Shape, data_offsets = new[] { at, at + (4 * tensor.Count) } });
            at += 4 * tensor.Count;
        }

        byte[] json = JsonSerializer.SerializeToUtf8Bytes(header);
        byte[] length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        using FileStream file = File.Create(path);
        file.Write(length);
        file.Write(json);
        foreach (CheckpointTensor tensor in all)
        {
            file.Write(MemoryMarshal.AsBytes<float>(tensor.Load()));
        }
    }
}
