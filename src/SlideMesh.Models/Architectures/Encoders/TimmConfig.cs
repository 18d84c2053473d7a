using System.Globalization;
using System.Text.Json;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Models.Architectures.Encoders;

/// <summary>
/// What a timm-style <c>config.json</c> (or Hugging Face's) and <c>--set</c> say of an encoder. A choice is looked for in the settings, then in
/// <c>model_args</c>, then at the top of the file. A form that is not timm's gives nothing.
/// </summary>
internal sealed class TimmConfig(ImportOptions options)
{
    // model_args that change nothing at inference.
    private static readonly string[] WithoutEffect =
        ["img_size", "in_chans", "num_classes", "dynamic_img_size", "drop_rate", "pos_drop_rate", "patch_drop_rate", "proj_drop_rate", "attn_drop_rate", "drop_path_rate",
         "drop_block_rate", "weight_init", "fix_init", "strict_img_size", "features_only", "pretrained", "global_pool"];

    /// <summary>timm's name of the architecture without the tag behind a dot; empty when there is none.</summary>
    public string Architecture { get; } = (Text(options.Config, "architecture") ?? "").Split('.')[0];

    /// <summary>
    /// Refuses a configuration of another net: several of timm's compute something else from the same keys (anti-aliased ResNets,
    /// blocks in another order), and so do arguments that are not followed here.
    /// </summary>
    /// <param name="followed">Names under <c>model_args</c> that the graph follows.</param>
    /// <param name="names">timm's names of the architecture, or their beginnings up to an underscore.</param>
    /// <exception cref="ImportOptionException">It is of another net.</exception>
    public void RequireKnown(IReadOnlyList<string> followed, params ReadOnlySpan<string> names)
    {
        bool known = Architecture.Length == 0;
        foreach (string name in names)
        {
            known |= Architecture == name || Architecture.StartsWith($"{name}_", StringComparison.Ordinal);
        }

        if (!known)
        {
            throw new ImportOptionException($"config.json is for '{Architecture}', which is not read as this architecture; give the right --arch, or export the model to ONNX and import that.");
        }

        string[] unknown = Member(options.Config, "model_args") is { ValueKind: JsonValueKind.Object } arguments
            ? [.. arguments.EnumerateObject().Select(p => p.Name).Except(followed).Except(WithoutEffect)]
            : [];
        if (unknown.Length > 0)
        {
            throw new ImportOptionException($"config.json: model_args {string.Join(", ", unknown)} may change the result and are not read; export the model to ONNX and import that.");
        }
    }

    /// <summary>Edge of the tile that it was trained on.</summary>
    /// <exception cref="ImportOptionException">Tiles are not square RGB.</exception>
    public int? TileSizePx
    {
        get
        {
            if ((Member(Member(options.Config, "pretrained_cfg"), "input_size") ?? Member(options.Config, "input_size")) is not { ValueKind: JsonValueKind.Array } size)
            {
                return Member(options.Config, "image_size") is { ValueKind: JsonValueKind.Number } edge && edge.TryGetInt32(out int side) && side > 0 ? side : null;
            }

            int[] edges = [.. size.EnumerateArray().Select(e => e.TryGetInt32(out int e1) ? e1 : 0)];
            return edges is [3, > 0, _] && edges[1] == edges[2]
                ? edges[1]
                : throw new ImportOptionException($"config.json: input_size [{string.Join(", ", edges)}] is not a square RGB tile [3, s, s].");
        }
    }

    /// <exception cref="ImportOptionException">They are not three numbers each, or a deviation is not above 0.</exception>
    public Normalisation? Normalisation
    {
        get
        {
            JsonElement? at = Member(options.Config, "pretrained_cfg") ?? options.Config;
            float[]? mean = Channels(at, "mean");
            float[]? std = Channels(at, "std");
            return (mean, std) switch
            {
                (null, null) => null,
                ({ Length: 3 }, { Length: 3 }) when mean.All(float.IsFinite) && std.All(s => s > 0 && float.IsFinite(s)) => new Normalisation(mean, std),
                _ => throw new ImportOptionException("config.json: mean and std need three numbers each, std above 0."),
            };
        }
    }

    /// <summary>A word, e.g. <c>global_pool</c>; null: not said. An empty word is one.</summary>
    public string? Word(string name) => options.Setting(name) ?? (Argument(name) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null);

    public int? WholeNumber(string name) => options.WholeNumber(name) ?? (Argument(name) is { ValueKind: JsonValueKind.Number } value
        ? value.TryGetInt32(out int number) && number >= 0 ? number : throw new ImportOptionException($"config.json: {name} {value} is not a whole number.")
        : null);

    /// <exception cref="ImportOptionException">It is not a number above 0.</exception>
    public float? Number(string name) => options.Setting(name) is { } text
        ? float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float said) && said > 0 ? said : throw new ImportOptionException($"--set {name}={text}: a number above 0 is needed.")
        : Argument(name) is { ValueKind: JsonValueKind.Number } value ? value.GetSingle() : null;

    public bool? Flag(string name) => options.Flag(name) ?? Argument(name)?.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => null,
    };

    private static float[]? Channels(JsonElement? at, string name) => Member(at, name) is { ValueKind: JsonValueKind.Array } list
        ? [.. list.EnumerateArray().Select(e => e.ValueKind == JsonValueKind.Number ? e.GetSingle() : float.NaN)]
        : null;

    private static string? Text(JsonElement? at, string name) => Member(at, name) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    private static JsonElement? Member(JsonElement? at, string name) =>
        at is { ValueKind: JsonValueKind.Object } owner && owner.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private JsonElement? Argument(string name) => Member(Member(options.Config, "model_args"), name) ?? Member(options.Config, name);
}
