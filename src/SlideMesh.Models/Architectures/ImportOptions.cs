using System.Globalization;
using System.Text.Json;

namespace SlideMesh.Models.Architectures;

/// <summary>What the user said beside the checkpoint. Null or empty: not said, the architecture's own default counts.</summary>
public sealed record ImportOptions
{
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);

    /// <summary>
    /// Labels of the classes in the order of the outputs. For encoders: given, the model becomes a tile classifier with its own class
    /// layer and a softmax; not given, the class layer is set aside and the model gives features.
    /// </summary>
    public IReadOnlyList<string> Classes { get; init; } = [];

    /// <summary>Task that the answers belong to, e.g. <c>origin</c>.</summary>
    public string? Task { get; init; }

    /// <summary>Edge of the tile that the model looks at, pixels.</summary>
    public int? TileSizePx { get; init; }

    /// <summary>µm per pixel of that tile.</summary>
    public double? MicronsPerPixel { get; init; }

    /// <summary>A <c>config.json</c> beside the weights (timm's, WSInfer's).</summary>
    public JsonElement? Config { get; init; }

    /// <summary>Choices that keys do not tell, <c>--set name=value</c>, e.g. <c>heads=16</c>.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>Settings that no architecture asked for: misspelt, most likely.</summary>
    public IEnumerable<string> UnusedSettings => Settings.Keys.Where(k => !_used.Contains(k)).Order(StringComparer.Ordinal);

    /// <summary>A setting's text; null when it was not given.</summary>
    public string? Setting(string name)
    {
        _used.Add(name);
        return Settings.GetValueOrDefault(name);
    }

    /// <exception cref="ImportOptionException">It is not a whole number of at least 1.</exception>
    public int? WholeNumber(string name) => Setting(name) is not { } text
        ? null
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value > 0
            ? value
            : throw new ImportOptionException($"--set {name}={text}: a whole number above 0 is needed.");

    /// <exception cref="ImportOptionException">It is neither true nor false.</exception>
    public bool? Flag(string name) => Setting(name) switch
    {
        null => null,
        "true" => true,
        "false" => false,
        { } text => throw new ImportOptionException($"--set {name}={text}: true or false is needed."),
    };
}

/// <summary>An import option that does not make sense; one line for the user.</summary>
public sealed class ImportOptionException(string message) : Exception(message);
