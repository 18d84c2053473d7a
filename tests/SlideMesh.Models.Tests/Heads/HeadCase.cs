using System.Text;
using System.Text.Json;
using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Tests.Encoders;
using SlideMesh.Prediction.Bags;

namespace SlideMesh.Models.Tests.Heads;

/// <summary>A case of tests/reference/make_import_reference.py: a checkpoint's keys and what PyTorch computes with it.</summary>
internal sealed class HeadCase
{
    private HeadCase(JsonElement json)
    {
        Name = json.GetProperty("name").GetString()!;
        Architecture = json.GetProperty("architecture").GetString()!;
        Width = json.GetProperty("width").GetInt32();
        OmicsCount = json.GetProperty("omics").GetInt32();
        Sex = json.GetProperty("sex") is { ValueKind: JsonValueKind.Number } sex ? sex.GetSingle() : null;
        IsOrdered = json.GetProperty("ordered").GetBoolean();
        Settings = json.GetProperty("settings").EnumerateObject().ToDictionary(s => s.Name, s => s.Value.GetString()!);
        double gain = json.GetProperty("gain").GetDouble();
        Tensors = [.. json.GetProperty("tensors").EnumerateArray().Select(t => t.GetString()!.Split(' ')).Select(p => FormulaWeights.Tensor(p[0], [.. p[1..].Select(long.Parse)], gain))];
        Bags = [.. json.GetProperty("bags").EnumerateArray().Select(b => new Expected(
            b.GetProperty("tiles").GetInt32(),
            b.GetProperty("outputs").EnumerateObject().ToDictionary(o => o.Name, o => Floats(o.Value)),
            Floats(b.GetProperty("attention"))))];
    }

    public static IEnumerable<string> Names =>
        Directory.EnumerateFiles(ReferenceFolder.File("expected", "heads"), "*.json").Select(f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal);

    public string Name { get; }

    public string Architecture { get; }

    public int Width { get; }

    public int OmicsCount { get; }

    public float? Sex { get; }

    /// <summary>The answer depends on the tiles' order.</summary>
    public bool IsOrdered { get; }

    public IReadOnlyDictionary<string, string> Settings { get; }

    public IReadOnlyList<CheckpointTensor> Tensors { get; }

    public IReadOnlyList<Expected> Bags { get; }

    public static HeadCase Load(string name) => new(JsonDocument.Parse(File.ReadAllBytes(ReferenceFolder.File("expected", "heads", $"{name}.json"))).RootElement);

    /// <summary>(u("bag", i D + j) + 1) / 2, rows in the order given.</summary>
    public ArrayFeatureBag Bag(int tiles, Func<int, int>? order = null)
    {
        double[] units = FormulaWeights.Units("bag", (long)tiles * Width);
        float[] features = new float[units.Length];
        for (int i = 0; i < features.Length; i++)
        {
            int row = i / Width;
            features[i] = (float)((units[((order?.Invoke(row) ?? row) * Width) + (i % Width)] + 1) / 2);
        }

        return new ArrayFeatureBag(Width, features, new long[2 * tiles], (256, 256));
    }

    public float[] Omics() => [.. FormulaWeights.Units("omics", OmicsCount).Select(u => (float)u)];

    public string OmicsTable()
    {
        StringBuilder table = new("name,mean,std\n");
        for (int g = 0; g < OmicsCount; g++)
        {
            table.Append("GENE").Append(g).Append(",0,1\n");
        }

        return table.ToString();
    }

    private static float[] Floats(JsonElement values) => [.. values.EnumerateArray().Select(v => v.GetSingle())];

    /// <param name="Attention">Raw, of the first 15 tiles, row-major; empty when the head has none.</param>
    internal sealed record Expected(int Tiles, IReadOnlyDictionary<string, float[]> Outputs, float[] Attention);
}
