using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace SlideMesh.Mesh.Stages;

/// <summary>
/// Builds the key of a stage: SHA-256 over named values. Everything that a stage's output depends on goes in, nothing else
/// does: two runs with equal keys make equal bytes.
/// </summary>
public sealed class StageKey
{
    private readonly StringBuilder _text = new();

    public StageKey Add(string name, string? value)
    {
        // Lengths in front, so that no two different lists of values read the same.
        _text.Append(CultureInfo.InvariantCulture, $"{name.Length}:{name}={value?.Length ?? -1}:{value};");
        return this;
    }

    public StageKey Add(string name, double? value) => Add(name, value?.ToString("R", CultureInfo.InvariantCulture));

    public StageKey Add(string name, long value) => Add(name, value.ToString(CultureInfo.InvariantCulture));

    public StageKey Add(string name, bool value) => Add(name, value ? "true" : "false");

    /// <summary>64 lower-case hex digits.</summary>
    public override string ToString() => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(_text.ToString())));
}
