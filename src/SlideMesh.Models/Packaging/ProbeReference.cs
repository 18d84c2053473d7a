using System.Text.Json;

namespace SlideMesh.Models.Packaging;

/// <summary>What a package should give for the probe's input, as another program computed it. See docs/model-import.md.</summary>
/// <param name="Tolerance">Largest absolute difference allowed.</param>
/// <param name="Outputs"><c>role/tensor</c> → numbers, row-major: all of them or the first ones.</param>
public sealed record ProbeReference(double Tolerance, IReadOnlyDictionary<string, float[]> Outputs)
{
    /// <summary>Numbers of an output that are written to a reference.</summary>
    public const int MostNumbers = 4096;

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase, WriteIndented = true, NewLine = "\n" };

    /// <exception cref="ProbeReferenceException">It is no such file.</exception>
    public static ProbeReference Read(string path)
    {
        try
        {
            ProbeReference? reference = JsonSerializer.Deserialize<ProbeReference>(File.ReadAllBytes(path), Json);
            return reference is { Tolerance: > 0, Outputs.Count: > 0 } && reference.Outputs.Values.All(v => v is { Length: > 0 })
                ? reference
                : throw new ProbeReferenceException($"{path}: needs 'tolerance' above 0 and 'outputs' with numbers.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new ProbeReferenceException($"{path}: is no reference: {e.Message.ReplaceLineEndings(" ")}", e);
        }
    }

    public static void Write(string path, IReadOnlyList<ProbeOutput> outputs, double tolerance)
    {
        ProbeReference reference = new(tolerance, outputs.ToDictionary(o => o.Name, o => o.Values[..Math.Min(o.Values.Length, MostNumbers)]));
        File.WriteAllText(path, JsonSerializer.Serialize(reference, Json) + "\n");
    }

    /// <summary>The largest absolute difference of each output of the reference.</summary>
    /// <exception cref="ProbeReferenceException">The package has no such output, or fewer numbers.</exception>
    public IReadOnlyList<(string Name, double Difference)> Compare(IReadOnlyList<ProbeOutput> actual)
    {
        List<(string, double)> differences = [];
        foreach ((string name, float[] expected) in Outputs.OrderBy(o => o.Key, StringComparer.Ordinal))
        {
            ProbeOutput output = actual.FirstOrDefault(o => o.Name == name && o.Values.Length >= expected.Length)
                ?? throw new ProbeReferenceException($"the package gives no '{name}' of at least {expected.Length} numbers; it gives {string.Join(", ", actual.Select(o => $"{o.Name} [{string.Join(", ", o.Shape)}]"))}.");

            // A number that is none on either side must fail, and NaN compares as nothing.
            differences.Add((name, expected.Zip(output.Values, (a, b) => float.IsFinite(a) && float.IsFinite(b) ? Math.Abs((double)a - b) : double.PositiveInfinity).Max()));
        }

        return differences;
    }
}

/// <summary>A reference that cannot be used; one line for the user.</summary>
public sealed class ProbeReferenceException(string message, Exception? inner = null) : Exception(message, inner);
