using System.Text.Json;
using System.Text.Json.Nodes;

namespace SlideMesh.Operation.Tests;

/// <summary>Looks into JSON nodes; what is not there is null or empty.</summary>
internal static class JsonPaths
{
    public static JsonNode? At(this JsonNode? node, params ReadOnlySpan<string> path)
    {
        foreach (string key in path)
        {
            node = (node as JsonObject)?[key];
        }

        return node;
    }

    /// <summary>The value as text, whatever its kind.</summary>
    public static string? Text(this JsonNode? node, params ReadOnlySpan<string> path) => node.At(path) is JsonValue value ? value.ToString() : null;

    public static long? Number(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.At(path) is JsonValue value && value.GetValueKind() == JsonValueKind.Number ? value.GetValue<long>() : null;

    public static bool? Flag(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.At(path) is JsonValue value && value.GetValueKind() is JsonValueKind.True or JsonValueKind.False ? value.GetValue<bool>() : null;

    public static IReadOnlyList<JsonNode> Items(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.At(path) is JsonArray array ? [.. array.OfType<JsonNode>()] : [];

    public static IReadOnlyDictionary<string, string> Map(this JsonNode? node, params ReadOnlySpan<string> path) =>
        node.At(path) is JsonObject map ? map.ToDictionary(p => p.Key, p => p.Value?.ToString() ?? "") : new Dictionary<string, string>();

    /// <summary>The node and all below it.</summary>
    public static IEnumerable<JsonNode> All(this JsonNode? node)
    {
        IEnumerable<JsonNode?> below = node switch
        {
            JsonObject map => map.Select(p => p.Value),
            JsonArray array => array,
            _ => [],
        };
        return node is null ? [] : below.SelectMany(n => n.All()).Prepend(node);
    }
}
