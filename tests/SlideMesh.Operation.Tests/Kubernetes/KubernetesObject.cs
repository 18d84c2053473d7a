using System.Text.Json.Nodes;

namespace SlideMesh.Operation.Tests.Kubernetes;

/// <summary>One object of a rendering.</summary>
internal record KubernetesObject(JsonObject Json)
{
    public string Kind => Json.Text("kind")!;

    public string Name => Json.Text("metadata", "name")!;

    public string? Namespace => Json.Text("metadata", "namespace");

    public override string ToString() => $"{Kind} {Name}";
}

/// <summary>A Deployment or StatefulSet.</summary>
internal sealed record Workload(JsonObject Json) : KubernetesObject(Json)
{
    public IReadOnlyDictionary<string, string> Selector => Json.Map("spec", "selector", "matchLabels");

    public IReadOnlyDictionary<string, string> PodLabels => Json.Map("spec", "template", "metadata", "labels");

    public JsonNode Pod => Json.At("spec", "template", "spec")!;

    public IReadOnlyList<JsonNode> Containers => [.. Pod.Items("containers"), .. Pod.Items("initContainers")];

    public IReadOnlyList<JsonNode> Volumes => Pod.Items("volumes");

    /// <summary>Whether it runs `slidemesh node`.</summary>
    public bool IsNode => PodLabels.ContainsKey("slidemesh.io/node");

    public override string ToString() => $"{Kind} {Name}";
}

/// <summary>All objects that an overlay gives.</summary>
internal sealed class Rendering(string name, IReadOnlyList<KubernetesObject> objects)
{
    public string Name => name;

    public IReadOnlyList<KubernetesObject> Objects => objects;

    public IReadOnlyList<Workload> Workloads => [.. objects.Where(o => o.Kind is "Deployment" or "StatefulSet").Select(o => new Workload(o.Json))];

    public IReadOnlyList<Workload> Nodes => [.. Workloads.Where(w => w.IsNode)];

    public IEnumerable<KubernetesObject> Of(string kind) => objects.Where(o => o.Kind == kind);

    public KubernetesObject? Find(string kind, string? called) => objects.SingleOrDefault(o => o.Kind == kind && o.Name == called);

    /// <summary>Whether every label that a selector names is there with that value. An empty selector selects all.</summary>
    public static bool Selects(IReadOnlyDictionary<string, string> selector, IReadOnlyDictionary<string, string> labels) =>
        selector.All(wanted => labels.TryGetValue(wanted.Key, out string? value) && value == wanted.Value);

    /// <summary>The variables of a node's container, from its ConfigMaps and its own list; a value that the platform fills in is "".</summary>
    public IReadOnlyDictionary<string, string> Variables(Workload node)
    {
        Dictionary<string, string> variables = [];
        JsonNode container = node.Containers[0];
        foreach (JsonNode source in container.Items("envFrom"))
        {
            foreach ((string key, string value) in Find("ConfigMap", source.Text("configMapRef", "name"))!.Json.Map("data"))
            {
                variables[key] = value;
            }
        }

        foreach (JsonNode variable in container.Items("env"))
        {
            variables[variable.Text("name")!] = variable.Text("value") ?? "";
        }

        return variables;
    }
}
