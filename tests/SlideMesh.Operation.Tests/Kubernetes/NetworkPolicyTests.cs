using System.Text.Json.Nodes;

namespace SlideMesh.Operation.Tests.Kubernetes;

/// <summary>
/// Who may talk to whom, worked out from the rendered policies by Kubernetes' rules: a pod that no policy of a direction selects is open
/// in it; otherwise a rule of one of them must let the traffic pass; and both ends must.
/// </summary>
[Collection(RenderedOnce.Name)]
public sealed class NetworkPolicyTests(Renderings renderings)
{
    private static readonly Peer KedaOperator = new("keda", new Dictionary<string, string> { ["app"] = "keda-operator" });
    private static readonly Peer Collector = new("observability", new Dictionary<string, string> { ["app.kubernetes.io/name"] = "opentelemetry-collector" });
    private static readonly Peer Dns = new("kube-system", new Dictionary<string, string> { ["k8s-app"] = "kube-dns" });
    private static readonly Peer Stranger = new("slidemesh", new Dictionary<string, string> { ["app"] = "something-else" });
    private static readonly Peer Outside = new("default", new Dictionary<string, string> { ["slidemesh.io/node"] = "true" });

    public static TheoryData<string> Overlays => Renderings.Names;

    [Theory, MemberData(nameof(Overlays))]
    public void Nodes_reach_redis_names_and_the_collector(string overlay)
    {
        Rendering rendering = renderings[overlay];
        Peer redis = PodOf(rendering, "slidemesh-redis");
        foreach (Workload node in rendering.Nodes)
        {
            Peer pod = Pod(node);
            Assert.True(Allowed(rendering, pod, redis, 6379), $"{node} cannot reach Redis");
            Assert.True(Allowed(rendering, pod, Dns, 53, "UDP") && Allowed(rendering, pod, Dns, 53), $"{node} cannot look names up");
            Assert.True(Allowed(rendering, pod, Collector, 4317), $"{node} cannot reach the collector");
            if (rendering.Variables(node)["OTEL_EXPORTER_OTLP_ENDPOINT"] is { Length: > 0 } endpoint)
            {
                Uri address = new(endpoint);
                Peer there = new(address.Host.Split('.')[1], new Dictionary<string, string>());
                Assert.True(Allowed(rendering, pod, there, address.Port), $"{node} cannot reach {endpoint}");
            }
        }
    }

    [Theory, MemberData(nameof(Overlays))]
    public void Autoscaler_reaches_redis_where_there_is_one(string overlay) =>
        Assert.Equal(
            renderings[overlay].Of("ScaledObject").Any(),
            Allowed(renderings[overlay], KedaOperator, PodOf(renderings[overlay], "slidemesh-redis"), 6379));

    [Theory, MemberData(nameof(Overlays))]
    public void Nothing_else_is_let_through(string overlay)
    {
        Rendering rendering = renderings[overlay];
        Peer redis = PodOf(rendering, "slidemesh-redis");
        Peer node = PodOf(rendering, "slidemesh-coordinator");
        Assert.False(Allowed(rendering, Stranger, redis, 6379));
        Assert.False(Allowed(rendering, Outside, redis, 6379));
        Assert.False(Allowed(rendering, redis, node, 8080));
        Assert.False(Allowed(rendering, redis, Collector, 4317));
        Assert.False(Allowed(rendering, node, redis, 22));
        Assert.False(Allowed(rendering, node, PodOf(rendering, "slidemesh-aggregator"), 8080));
        Assert.False(Allowed(rendering, node, new Peer("default", new Dictionary<string, string>()), 443));
        Assert.False(Allowed(rendering, Stranger, new Peer("default", new Dictionary<string, string>()), 443));
    }

    private static Peer PodOf(Rendering rendering, string workload) => Pod(rendering.Workloads.Single(w => w.Name == workload));

    private static Peer Pod(Workload workload) => new(workload.Namespace!, workload.PodLabels);

    private static bool Allowed(Rendering rendering, Peer from, Peer to, int port, string protocol = "TCP") =>
        Passes(rendering, from, "Egress", "egress", "to", to, port, protocol) && Passes(rendering, to, "Ingress", "ingress", "from", from, port, protocol);

    private static bool Passes(Rendering rendering, Peer subject, string type, string rules, string peers, Peer other, int port, string protocol)
    {
        KubernetesObject[] selecting = [.. rendering.Of("NetworkPolicy").Where(p =>
            p.Namespace == subject.Namespace
            && p.Json.Items("spec", "policyTypes").Any(t => t.ToString() == type)
            && Rendering.Selects(p.Json.Map("spec", "podSelector", "matchLabels"), subject.Labels))];
        return selecting.Length == 0 || selecting.SelectMany(p => p.Json.Items("spec", rules)).Any(rule =>
            rule.Items("ports").Any(p => p.Number("port") == port && (p.Text("protocol") ?? "TCP") == protocol)
            && rule.Items(peers).Any(peer => Matches(peer, subject.Namespace, other)));
    }

    private static bool Matches(JsonNode peer, string policyNamespace, Peer pod)
    {
        // The only label by which these policies name a namespace: the one that Kubernetes itself sets.
        bool namespaceFits = peer.At("namespaceSelector") is { } selector
            ? Rendering.Selects(selector.Map("matchLabels"), new Dictionary<string, string> { ["kubernetes.io/metadata.name"] = pod.Namespace })
            : pod.Namespace == policyNamespace;
        return namespaceFits && Rendering.Selects(peer.Map("podSelector", "matchLabels"), pod.Labels);
    }

    private sealed record Peer(string Namespace, IReadOnlyDictionary<string, string> Labels);
}
