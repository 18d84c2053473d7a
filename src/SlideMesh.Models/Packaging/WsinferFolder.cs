using System.Text.Json;
using SlideMesh.Models.Architectures;
using SlideMesh.Models.Checkpoints;

namespace SlideMesh.Models.Packaging;

/// <summary>
/// A model folder of WSInfer's zoo: <c>config.json</c> (spec_version 1.0) beside <c>model.safetensors</c>, <c>pytorch_model.bin</c> or
/// <c>torchscript_model.pt</c>, tried in this order. Its patch is what the slide is cut into; the model sees it resized: we cut tiles of
/// the resized edge at the microns per pixel that this makes.
/// </summary>
internal static class WsinferFolder
{
    public const string ConfigName = "config.json";

    private static readonly string[] WeightNames = ["model.safetensors", "pytorch_model.bin", "torchscript_model.pt"];

    /// <summary>The request that the folder stands for.</summary>
    public static ImportRequest Resolve(ImportRequest request)
    {
        string config = Path.Combine(request.Source, ConfigName);
        string weights = WeightNames.Select(n => Path.Combine(request.Source, n)).FirstOrDefault(File.Exists)
            ?? throw new CheckpointException(request.Source, $"holds none of {string.Join(", ", WeightNames)}; give a checkpoint file or a WSInfer model folder.");
        if (!File.Exists(config))
        {
            throw new CheckpointException(request.Source, $"has no {ConfigName}; give a checkpoint file or a WSInfer model folder.");
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(config));
            return Resolve(request, config, weights, document.RootElement.Clone());
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new CheckpointException(config, $"is no configuration of WSInfer's zoo ({e.Message.ReplaceLineEndings(" ")}); see its specification 1.0.", e);
        }
    }

    private static ImportRequest Resolve(ImportRequest request, string config, string weights, JsonElement json)
    {
        string version = json.GetProperty("spec_version").GetString() ?? "";
        if (version != "1.0")
        {
            throw new CheckpointException(config, $"has spec_version '{version}'; 1.0 is read.");
        }

        string[] classes = [.. json.GetProperty("class_names").EnumerateArray().Select(c => c.GetString() ?? "")];
        if (json.GetProperty("num_classes").GetInt32() != classes.Length)
        {
            throw new CheckpointException(config, $"names {classes.Length} classes and counts {json.GetProperty("num_classes").GetInt32()}; correct it.");
        }

        int patch = json.GetProperty("patch_size_pixels").GetInt32();
        double spacing = json.GetProperty("spacing_um_px").GetDouble();
        (int edge, float[] mean, float[] std) = Transform(config, json.GetProperty("transform"), patch);
        ImportOptions options = request.Options;
        return request with
        {
            Source = weights,
            Architecture = request.Architecture ?? Architecture(config, json.GetProperty("architecture").GetString() ?? ""),
            Mean = request.Mean.Count > 0 ? request.Mean : mean,
            Std = request.Std.Count > 0 ? request.Std : std,
            Options = options with
            {
                Classes = options.Classes.Count > 0 ? options.Classes : classes,
                TileSizePx = options.TileSizePx ?? edge,
                MicronsPerPixel = options.MicronsPerPixel ?? spacing * patch / edge,
                Config = options.Config ?? json,
            },
        };
    }

    /// <summary>Resize, ToTensor, Normalize; without the last, pixels are 0 to 1.</summary>
    private static (int Edge, float[] Mean, float[] Std) Transform(string config, JsonElement steps, int patch)
    {
        int edge = patch;
        float[] mean = [0, 0, 0];
        float[] std = [1, 1, 1];
        foreach (JsonElement step in steps.EnumerateArray())
        {
            string name = step.GetProperty("name").GetString() ?? "";
            switch (name)
            {
                case "Resize":
                    JsonElement size = step.GetProperty("arguments").GetProperty("size");
                    edge = size.ValueKind == JsonValueKind.Array ? size[0].GetInt32() : size.GetInt32();
                    break;
                case "ToTensor":
                    break;
                case "Normalize":
                    mean = Three(step.GetProperty("arguments").GetProperty("mean"));
                    std = Three(step.GetProperty("arguments").GetProperty("std"));
                    break;
                default:
                    throw new CheckpointException(config, $"transforms pixels by '{name}'; Resize, ToTensor and Normalize are known.");
            }
        }

        return (edge, mean, std);
    }

    private static float[] Three(JsonElement values) => [.. values.EnumerateArray().Select(v => v.GetSingle())];

    private static string Architecture(string config, string name)
    {
        string ours = name.Replace('_', '-').ToLowerInvariant();
        return ArchitectureCatalog.Find(ours)?.Name ?? ArchitectureCatalog.Find(ours.Replace("-", "", StringComparison.Ordinal))?.Name
            ?? throw new CheckpointException(config, $"is a '{name}', which is not known; export it as ONNX and import that, or give --arch, one of {string.Join(", ", ArchitectureCatalog.All.Select(a => a.Name))}.");
    }
}
