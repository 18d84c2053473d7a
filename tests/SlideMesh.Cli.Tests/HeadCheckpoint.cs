using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace SlideMesh.Cli.Tests;

/// <summary>Checkpoints of heads in their published sizes.</summary>
internal static class HeadCheckpoint
{
    /// <summary>Float32 safetensors with the keys and shapes of a reference head; the numbers are small and of no meaning.</summary>
    /// <returns>The head's architecture.</returns>
    public static string Write(string name, string path)
    {
        using JsonDocument reference = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(SlideMeshProcess.Repository, "tests/reference/expected/heads", $"{name}.json")));
        Dictionary<string, object> header = [];
        long at = 0;
        foreach (string[] tensor in reference.RootElement.GetProperty("tensors").EnumerateArray().Select(line => line.GetString()!.Split(' ')))
        {
            long[] shape = [.. tensor[1..].Select(extent => long.Parse(extent, CultureInfo.InvariantCulture))];
            long end = at + (sizeof(float) * shape.Aggregate(1L, (product, extent) => product * extent));
            header.Add(tensor[0], new { dtype = "F32", shape, data_offsets = new[] { at, end } });
            at = end;
        }

        float[] values = new float[at / sizeof(float)];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = ((i * 7919L % 1000) - 500) / 20_000f;
        }

        byte[] json = JsonSerializer.SerializeToUtf8Bytes(header);
        byte[] length = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        using FileStream file = File.Create(path);
        file.Write(length);
        file.Write(json);
        file.Write(MemoryMarshal.AsBytes(values.AsSpan()));
        return reference.RootElement.GetProperty("architecture").GetString()!;
    }
}
