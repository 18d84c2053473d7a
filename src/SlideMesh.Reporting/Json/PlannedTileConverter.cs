using System.Text.Json;
using System.Text.Json.Serialization;
using SlideMesh.Tiling;

namespace SlideMesh.Reporting.Json;

/// <summary>A tile as <c>[x, y]</c>: a plan of 100,000 tiles stays near 1.5 MB.</summary>
internal sealed class PlannedTileConverter : JsonConverter<PlannedTile>
{
    public override PlannedTile Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw new JsonException("a tile is [x, y]");
        }

        reader.Read();
        long x = reader.GetInt64();
        reader.Read();
        long y = reader.GetInt64();
        reader.Read();
        return reader.TokenType == JsonTokenType.EndArray ? new PlannedTile(x, y) : throw new JsonException("a tile is [x, y]");
    }

    public override void Write(Utf8JsonWriter writer, PlannedTile value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        writer.WriteNumberValue(value.X);
        writer.WriteNumberValue(value.Y);
        writer.WriteEndArray();
    }
}
