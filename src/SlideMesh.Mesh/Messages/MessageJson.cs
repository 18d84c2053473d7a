using System.Text.Json;
using System.Text.Json.Serialization;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Messages;

/// <summary>Messages as they travel between nodes: one JSON object, its kind in <c>$type</c>.</summary>
public static class MessageJson
{
    public static string Write(MeshMessage message) => JsonSerializer.Serialize(message, MessageContext.Default.MeshMessage);

    /// <exception cref="JsonException">The text is no message of this version.</exception>
    public static MeshMessage Read(string text) =>
        JsonSerializer.Deserialize(text, MessageContext.Default.MeshMessage) ?? throw new JsonException("The message is empty.");
}

internal sealed class SlideIdConverter : JsonConverter<SlideId>
{
    public override SlideId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        new(reader.GetString() ?? throw new JsonException("A slide's id is missing."));

    public override void Write(Utf8JsonWriter writer, SlideId value, JsonSerializerOptions options) => writer.WriteStringValue(value.Value);
}

// Scripts make messages too, and their encoder keeps no order.
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, AllowOutOfOrderMetadataProperties = true, Converters = [typeof(SlideIdConverter)])]
[JsonSerializable(typeof(MeshMessage))]
internal sealed partial class MessageContext : JsonSerializerContext;
