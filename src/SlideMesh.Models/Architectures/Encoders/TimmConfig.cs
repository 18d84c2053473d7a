using System.Globalization;
using System.Text.Json;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Models.Architectures.Encoders;

/// <summary>
/// What a timm-style <c>config.json</c> and <c>--set</c> say of an encoder. A choice is looked for in the settings, then in
/// <c>model_args</c>, then at the top of the file. A form that is not timm's gives nothing.
/// </summary>
internal sealed class TimmConfig(ImportOptions options)
{
    /// <summary>timm's name of the architecture without the tag behind a dot; empty when there is none.</summary>
    public string Architecture { get; } = (Text(options.Config, "architecture") ?? "").Split('.')[0];

    /// <summary>Names under <c>model_args</c>.</summary>
    public IEnumerable<string> ModelArguments =>
        Member(options.Config, "model_args") is { ValueKind: JsonValueKind.Object } arguments ? arguments.EnumerateObject().Select(p => p.Name) : [];

    /// <summary>Edge of the tile that it was trained on.</summary>
    /// <exception cref="ImportOptionException">Tiles are not square RGB.</exception>
    public int? TileSizePx
    {
        get
        {
            if ((Member(Member(options.Config, "pretrained_cfg"), "input_size") ?? Member(options.Config, "input_size")) is not { ValueKind: JsonValueKind.Array } size)
            {
                return null;
            }

            int[] edges = [.. size.EnumerateArray().Select(e => e.TryGetInt32(out int edge) ? edge : 0)];
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
