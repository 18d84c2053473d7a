using System.Runtime.InteropServices;
using System.Text.Json;
using SlideMesh.Models.Architectures;
using SlideMesh.Models.Checkpoints;

namespace SlideMesh.Models.Tests.Encoders;

/// <summary>A case of tests/reference/make_encoder_reference.py: a checkpoint's keys and what PyTorch computes with it.</summary>
internal sealed class EncoderCase
{
    private EncoderCase(JsonElement json)
    {
        Name = json.GetProperty("name").GetString()!;
        Architecture = json.GetProperty("architecture").GetString()!;
        TilePx = json.GetProperty("tilePx").GetInt32();
        Mean = Floats(json, "mean");
        Std = Floats(json, "std");
        Dimension = json.GetProperty("dimension").GetInt32();
        Tiles = [.. json.GetProperty("tiles").EnumerateArray().Select(t => t.GetInt32())];
        Features = MemoryMarshal.Cast<byte, float>(json.GetProperty("features").GetBytesFromBase64()).ToArray();
        double gain = json.GetProperty("gain").GetDouble();
        Tensors = json.GetProperty("tensors").EnumerateArray().Select(t => t.GetString()!.Split(' '))
            .ToDictionary(p => p[0], p => FormulaWeights.Tensor(p[0], [.. p[1..].Select(long.Parse)], gain), StringComparer.Ordinal);
        JsonElement config = json.GetProperty("config");
        Options = new ImportOptions
        {
            TileSizePx = TilePx,
            Config = config.ValueKind == JsonValueKind.Object ? config : null,
            Settings = json.GetProperty("pooling").GetString() is { } pooling ? new Dictionary<string, string> { ["pooling"] = pooling } : new Dictionary<string, string>(),
        };
    }

    public static string Folder { get; } = Find();

    public string Name { get; }

    public string Architecture { get; }

    public int TilePx { get; }

    public float[] Mean { get; }

    public float[] Std { get; }

    public int Dimension { get; }

    /// <summary>Tiles of the batch of 7 whose features are known.</summary>
    public int[] Tiles { get; }

    /// <summary>[Tiles, Dimension].</summary>
    public float[] Features { get; }

    public IReadOnlyDictionary<string, CheckpointTensor> Tensors { get; }

    public ImportOptions Options { get; init; }

    public StateDict Weights() => new($"{Name}.pth", Tensors);

    public static EncoderCase Load(string name) => new(JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, $"{name}.json"))).RootElement);

    /// <summary>Tiles 0 … count − 1, normalised, [count, 3, s, s]; the pixels' formula is in formulas.py.</summary>
    public float[] Pixels(int count)
    {
        float[] pixels = new float[count * 3 * TilePx * TilePx];
        int at = 0;
        for (int n = 0; n < count; n++)
        {
            for (int c = 0; c < 3; c++)
            {
                for (int y = 0; y < TilePx; y++)
                {
                    for (int x = 0; x < TilePx; x++)
                    {
                        int value = ((x * (3 + n)) + (y * (5 + (2 * n))) + (c * (40 + (11 * n))) + (x * y * (n + 1) / 17)) % 256;
                        pixels[at++] = ((value / 255f) - Mean[c]) / Std[c];
                    }
                }
            }
        }

        return pixels;
    }

    private static float[] Floats(JsonElement json, string name) => [.. json.GetProperty(name).EnumerateArray().Select(e => e.GetSingle())];

    private static string Find()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "SlideMesh.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return Path.Combine(folder ?? throw new DirectoryNotFoundException("SlideMesh.sln is in no folder above the tests."), "tests", "reference", "expected", "encoders");
    }
}
