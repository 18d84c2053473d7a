using System.Text.Json;
using System.Text.Json.Serialization;

namespace SlideMesh.Prediction;

/// <summary>How predictions are written: camel case, enums in kebab case, nulls left out, indented, line feeds.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    WriteIndented = true,
    NewLine = "\n")]
[JsonSerializable(typeof(SlidePrediction))]
public sealed partial class PredictionJsonContext : JsonSerializerContext;

/// <summary>
/// Writes a map without its values, which lie in the heatmap's own files: name, task, model, stream, quantity, count and the
/// natural range. Reading gives as many zeros.
/// </summary>
public sealed class TileMapJsonConverter : JsonConverter<TileMap>
{
    public override TileMap Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        using JsonDocument document = JsonDocument.ParseValue(ref reader);
        JsonElement map = document.RootElement;
        return new TileMap(
            Text(map, "name"), Text(map, "task"), Text(map, "model"), Text(map, "stream"), Text(map, "quantity"),
            new float[map.GetProperty("count").GetInt32()], Number(map, "minimum"), Number(map, "maximum"));
    }

    public override void Write(Utf8JsonWriter writer, TileMap value, JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(value);
        writer.WriteStartObject();
        writer.WriteString("name", value.Name);
        writer.WriteString("task", value.Task);
        writer.WriteString("model", value.Model);
        writer.WriteString("stream", value.Stream);
        writer.WriteString("quantity", value.Quantity);
        writer.WriteNumber("count", value.Values.Length);
        if (value is { Minimum: { } minimum, Maximum: { } maximum })
        {
            writer.WriteNumber("minimum", minimum);
            writer.WriteNumber("maximum", maximum);
        }

        writer.WriteEndObject();
    }

    private static string Text(JsonElement map, string name) => map.GetProperty(name).GetString() ?? throw new JsonException($"'{name}' is null.");

    private static double? Number(JsonElement map, string name) => map.TryGetProperty(name, out JsonElement number) ? number.GetDouble() : null;
}
