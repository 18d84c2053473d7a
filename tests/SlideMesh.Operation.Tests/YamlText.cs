using System.Globalization;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace SlideMesh.Operation.Tests;

/// <summary>YAML as JSON nodes, which are easier to look into. Plain scalars become numbers, booleans and nulls by YAML's core schema.</summary>
internal static class YamlText
{
    /// <summary>The documents of a stream, empty ones left out. A key that stands twice in one mapping is an error.</summary>
    public static IReadOnlyList<JsonObject> Documents(string yaml)
    {
        YamlStream stream = [];
        stream.Load(new StringReader(yaml));
        return [.. stream.Documents.Select(d => Node(d.RootNode)).OfType<JsonObject>()];
    }

    public static JsonObject Document(string yaml) => Assert.Single(Documents(yaml));

    private static JsonNode? Node(YamlNode node) => node switch
    {
        YamlMappingNode mapping => new JsonObject(mapping.Children.Select(c => KeyValuePair.Create(((YamlScalarNode)c.Key).Value!, Node(c.Value)))),
        YamlSequenceNode sequence => new JsonArray([.. sequence.Children.Select(Node)]),
        YamlScalarNode { Style: ScalarStyle.Plain } plain => Plain(plain.Value ?? ""),
        YamlScalarNode quoted => JsonValue.Create(quoted.Value),
        _ => throw new InvalidOperationException($"unexpected YAML node {node.NodeType}"),
    };

    private static JsonValue? Plain(string text) => text switch
    {
        "" or "~" or "null" => null,
        "true" => JsonValue.Create(true),
        "false" => JsonValue.Create(false),
        // Readers of YAML 1.1, Kubernetes' among them, take these for booleans and readers of 1.2 for text: quote them.
        "yes" or "no" or "on" or "off" => throw new InvalidOperationException($"'{text}' means different things to different readers: quote it or write true or false"),
        _ when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long whole) => JsonValue.Create(whole),
        _ when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && !char.IsLetter(text[^1]) => JsonValue.Create(number),
        _ => JsonValue.Create(text),
    };
}
