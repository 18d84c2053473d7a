using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace SlideMesh.Inference.Packages;

/// <summary>Reads <c>model.json</c> strictly: a misspelt member is an error that names it, not a default nobody asked for.</summary>
internal static class ManifestReader
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        AllowDuplicateProperties = false,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
    };

    /// <param name="file">Path for messages.</param>
    /// <param name="utf8">Contents of the file.</param>
    /// <param name="canonical">The same JSON without white space, members in ordinal order: what the package's hash covers.</param>
    public static ModelManifest Read(string file, byte[] utf8, out byte[] canonical)
    {
        try
        {
            ReadOnlyMemory<byte> text = utf8.AsSpan().StartsWith("\uFEFF"u8) ? utf8.AsMemory(3) : utf8;
            using JsonDocument document = JsonDocument.Parse(text, new JsonDocumentOptions { AllowDuplicateProperties = false });
            CheckMembers(file, document.RootElement, Options.GetTypeInfo(typeof(ModelManifest)), "");
            canonical = Canonical(document.RootElement);
            return document.RootElement.Deserialize<ModelManifest>(Options)
                ?? throw new ModelPackageException(file, "holds null; a model manifest is a JSON object.");
        }
        catch (JsonException e)
        {
            // Only the serializer knows a path; the parser's own complaints have a line.
            throw new ModelPackageException(
                file,
                e.Path is { Length: > 2 } path
                    ? $"'{path[2..]}' has a value of the wrong type or out of its list; see docs/model-packages.md."
                    : $"is not valid JSON: {e.Message.ReplaceLineEndings(" ")}",
                e);
        }
    }

    // The serializer reports these two as well, but names .NET types and properties where the reader needs JSON paths.
    private static void CheckMembers(string file, JsonElement element, JsonTypeInfo type, string path)
    {
        switch (type.Kind)
        {
            case JsonTypeInfoKind.Object when element.ValueKind == JsonValueKind.Object:
                foreach (JsonProperty member in element.EnumerateObject())
                {
                    JsonPropertyInfo known = type.Properties.FirstOrDefault(p => p.Name == member.Name)
                        ?? throw new ModelPackageException(
                            file, $"unknown member '{path}{member.Name}'; known here: {string.Join(", ", type.Properties.Select(p => p.Name))}.");
                    CheckMembers(file, member.Value, Options.GetTypeInfo(known.PropertyType), $"{path}{member.Name}.");
                }

                if (type.Properties.FirstOrDefault(p => p.IsRequired && !element.TryGetProperty(p.Name, out _)) is { } missing)
                {
                    throw new ModelPackageException(file, $"member '{path}{missing.Name}' is missing; add it.");
                }

                break;

            case JsonTypeInfoKind.Enumerable when element.ValueKind == JsonValueKind.Array && type.ElementType is not null:
                int index = 0;
                foreach (JsonElement item in element.EnumerateArray())
                {
                    string at = $"{path.TrimEnd('.')}[{index++}]";
                    RejectNull(file, item, at);
                    CheckMembers(file, item, Options.GetTypeInfo(type.ElementType), at + ".");
                }

                break;

            case JsonTypeInfoKind.Dictionary when element.ValueKind == JsonValueKind.Object && type.ElementType is not null:
                foreach (JsonProperty member in element.EnumerateObject())
                {
                    RejectNull(file, member.Value, path + member.Name);
                    CheckMembers(file, member.Value, Options.GetTypeInfo(type.ElementType), $"{path}{member.Name}.");
                }

                break;
        }
    }

    // Nullable annotations of list elements are erased, so the serializer lets these through.
    private static void RejectNull(string file, JsonElement element, string path)
    {
        if (element.ValueKind == JsonValueKind.Null)
        {
            throw new ModelPackageException(file, $"'{path}' is null; remove it or give a value.");
        }
    }

    private static byte[] Canonical(JsonElement root)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter writer = new(buffer))
        {
            Write(writer, root);
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static void Write(Utf8JsonWriter writer, JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                writer.WriteStartObject();
                foreach (JsonProperty member in element.EnumerateObject().OrderBy(m => m.Name, StringComparer.Ordinal))
                {
                    writer.WritePropertyName(member.Name);
                    Write(writer, member.Value);
                }

                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (JsonElement item in element.EnumerateArray())
                {
                    Write(writer, item);
                }

                writer.WriteEndArray();
                break;
            default:
                element.WriteTo(writer);
                break;
        }
    }
}
