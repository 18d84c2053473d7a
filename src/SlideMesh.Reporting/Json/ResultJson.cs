using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using SlideMesh.Inference.Packages;
using SlideMesh.Prediction;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Tissue.Quality;

namespace SlideMesh.Reporting.Json;

/// <summary>
/// Reads and writes the JSON files of the output store (docs/output-store.md has their fields): camel case, enums in kebab case,
/// numbers that read back as the same doubles, NaN as <c>"NaN"</c>, a final newline. Streams stay open.
/// </summary>
public static class ResultJson
{
    public static void Write(Stream destination, SlideSummary summary) => Write(destination, summary, ResultJsonContext.Default.SlideSummary);

    public static void Write(Stream destination, QualityDocument document) =>
        Write(destination, document, ResultJsonContext.Default.QualityDocument);

    public static void Write(Stream destination, RunDocument document)
    {
        ArgumentNullException.ThrowIfNull(document);
        SortedDictionary<string, string> ordered = new(StringComparer.Ordinal);
        foreach ((string name, string value) in document.Parameters)
        {
            ordered.Add(name, value);
        }

        Write(destination, document with { Parameters = ordered }, ResultJsonContext.Default.RunDocument);
    }

    /// <exception cref="JsonException">Not a predictions file of this version.</exception>
    public static SlideSummary ReadSummary(Stream source)
    {
        SlideSummary summary = Read(source, ResultJsonContext.Default.SlideSummary);
        return summary.Format == "slidemesh-predictions/1" ? summary : throw new JsonException($"format '{summary.Format}' is not slidemesh-predictions/1");
    }

    /// <exception cref="JsonException">Not a run file.</exception>
    public static RunDocument ReadRun(Stream source) => Read(source, ResultJsonContext.Default.RunDocument);

    private static void Write<T>(Stream destination, T value, JsonTypeInfo<T> type)
    {
        ArgumentNullException.ThrowIfNull(destination);
        ArgumentNullException.ThrowIfNull(value);
        JsonSerializer.Serialize(destination, value, type);
        destination.WriteByte((byte)'\n');
    }

    private static T Read<T>(Stream source, JsonTypeInfo<T> type) =>
        JsonSerializer.Deserialize(source, type) ?? throw new JsonException("the file holds null");
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    NewLine = "\n",
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    Converters = [
        typeof(KebabCaseEnumConverter<MicronsPerPixelSource>),
        typeof(KebabCaseEnumConverter<PenColour>),
    ])]
[JsonSerializable(typeof(SlideSummary))]
[JsonSerializable(typeof(QualityDocument))]
[JsonSerializable(typeof(RunDocument))]
internal sealed partial class ResultJsonContext : JsonSerializerContext;
