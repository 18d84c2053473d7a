using System.Text.Json.Nodes;

namespace SlideMesh.Operation.Tests.Kubernetes;

/// <summary>Each overlay is complete and consistent in itself: what refers to something finds it.</summary>
[Collection(RenderedOnce.Name)]
public sealed class WorkloadTests(Renderings renderings)
{
    public static TheoryData<string> Overlays => Renderings.Names;

    [Theory, MemberData(nameof(Overlays))]
    public void Overlay_has_redis_and_nodes_of_every_role(string overlay)
    {
        Rendering rendering = renderings[overlay];
        string[] expected = ["slidemesh-aggregator", "slidemesh-coordinator", "slidemesh-inference-default", "slidemesh-redis"];
        string[] gpu = overlay.StartsWith("gpu", StringComparison.Ordinal) ? ["slidemesh-inference-gpu"] : [];
        Assert.Equal(expected.Concat(gpu).Order(StringComparer.Ordinal), rendering.Workloads.Select(w => w.Name).Order(StringComparer.Ordinal));
        Assert.Equal(["aggregator", "coordinator", "inference"], rendering.Nodes.Select(n => Argument(n, "--role")!).Distinct().Order(StringComparer.Ordinal));
    }

    [Theory, MemberData(nameof(Overlays))]
    public void Names_are_unique_and_in_one_namespace(string overlay)
    {
        Rendering rendering = renderings[overlay];
        Assert.Equal(rendering.Objects.Count, rendering.Objects.Select(o => o.ToString()).Distinct().Count());
        Assert.All(rendering.Objects.Where(o => o.Kind != "Namespace"), o => Assert.Equal("slidemesh", o.Namespace));
        Assert.Equal("restricted", Assert.Single(rendering.Of("Namespace")).Json.Text("metadata", "labels", "pod-security.kubernetes.io/enforce"));
    }

    [Theory, MemberData(nameof(Overlays))]
    public void Selector_matches_its_own_pods_and_no_others(string overlay)
    {
        IReadOnlyList<Workload> workloads = renderings[overlay].Workloads;
        foreach (Workload selecting in workloads)
        {
            Workload selected = Assert.Single(workloads, w => Rendering.Selects(selecting.Selector, w.PodLabels));
            Assert.Equal(selecting.Name, selected.Name);
        }
    }

    [Theory, MemberData(nameof(Overlays))]
    public void Service_selects_one_workload_and_its_ports_are_the_containers(string overlay)
    {
        Rendering rendering = renderings[overlay];
        Assert.NotEmpty(rendering.Of("Service"));
        foreach (KubernetesObject service in rendering.Of("Service"))
        {
            Workload workload = Assert.Single(rendering.Workloads, w => Rendering.Selects(service.Json.Map("spec", "selector"), w.PodLabels));
            foreach (JsonNode port in service.Json.Items("spec", "ports"))
            {
                JsonNode target = Port(workload.Containers.Single(), port.Text("targetPort") ?? port.Text("port")!);
                Assert.Equal(target.Text("protocol") ?? "TCP", port.Text("protocol") ?? "TCP");
                Assert.Equal(target.Number("containerPort"), port.Number("port"));
            }
        }

        Assert.All(rendering.Of("StatefulSet"), s => Assert.NotNull(rendering.Find("Service", s.Json.Text("spec", "serviceName"))));
    }

    [Theory, MemberData(nameof(Overlays))]
    public void Node_reaches_redis_by_the_services_name_and_port(string overlay)
    {
        Rendering rendering = renderings[overlay];
        foreach (Workload node in rendering.Nodes)
        {
            string[] address = rendering.Variables(node)["SLIDEMESH_REDIS"].Split(':');
            KubernetesObject service = rendering.Find("Service", address[0]) ?? throw new InvalidOperationException($"{node} looks for a Redis at '{address[0]}', which is no service");
            Assert.Contains(service.Json.Items("spec", "ports"), p => p.Text("port") == address[1]);
        }
    }

    [Theory, MemberData(nameof(Overlays))]
    public void Every_container_has_three_probes_that_lead_somewhere(string overlay)
    {
        Rendering rendering = renderings[overlay];
        foreach (Workload workload in rendering.Workloads)
        {
            foreach (JsonNode container in workload.Containers)
            {
                foreach ((string probe, string path) in new[] { ("startupProbe", "/started"), ("readinessProbe", "/ready"), ("livenessProbe", "/live") })
                {
                    JsonNode found = container.At(probe) ?? throw new InvalidOperationException($"{workload} has no {probe}");
                    if (workload.IsNode)
                    {
                        Assert.Equal(path, found.Text("httpGet", "path"));
                        Assert.Contains(path, ClusterPage.HealthPaths);
                        Port(container, found.Text("httpGet", "port")!);
                    }
                    else
                    {
                        string script = found.Items("exec", "command")[1].ToString();
                        Assert.True(FileAt(rendering, workload, script) is not null, $"{workload}'s {probe} runs '{script}', which no volume holds");
                    }
                }
            }
        }
    }

    [Theory, MemberData(nameof(Overlays))]
    public void Health_is_served_on_the_port_that_is_probed(string overlay)
    {
        Rendering rendering = renderings[overlay];
        Assert.All(rendering.Nodes, node =>
        {
            string[] address = rendering.Variables(node)["SLIDEMESH_HEALTH"].Split(':');
            Assert.Equal("0.0.0.0", address[0]);
            Assert.Equal(Port(node.Containers[0], "health").Text("containerPort"), address[1]);
        });
    }

    [Theory, MemberData(nameof(Overlays))]
    public void Every_container_asks_for_cpu_and_memory_and_is_bounded(string overlay)
    {
        foreach ((Workload workload, JsonNode container) in renderings[overlay].Workloads.SelectMany(w => w.Containers.Select(c => (w, c))))
        {
            Assert.True(container.Text("resources", "requests", "cpu") is not null, $"{workload} asks for no cpu");
            long asked = Bytes(container.Text("resources", "requests", "memory"));
            long bound = Bytes(container.Text("resources", "limits", "memory"));
            Assert.True(asked > 0 && asked <= bound, $"{workload} asks for {asked} bytes of memory and is bounded at {bound}");
        }
    }

    [Theory, MemberData(nameof(Overlays))]
    public void Everything_that_is_mounted_or_read_exists(string overlay)
    {
        Rendering rendering = renderings[overlay];
        foreach (Workload workload in rendering.Workloads)
        {
            Assert.True(rendering.Find("ServiceAccount", workload.Pod.Text("serviceAccountName")) is not null, $"{workload} has no service account");
            HashSet<string> claimed = [.. workload.Json.Items("spec", "volumeClaimTemplates").Select(c => c.Text("metadata", "name")!)];
            HashSet<string> volumes = [.. workload.Volumes.Select(v => v.Text("name")!), .. claimed];
            Assert.Equal(volumes.Order(), workload.Containers.SelectMany(c => c.Items("volumeMounts")).Select(m => m.Text("name")!).Distinct().Order());
            foreach (JsonNode container in workload.Containers)
            {
                string[] paths = [.. container.Items("volumeMounts").Select(m => m.Text("mountPath")!)];
                Assert.Equal(paths.Length, paths.Distinct().Count());
                Assert.All(container.Items("envFrom"), source => Assert.NotNull(rendering.Find("ConfigMap", source.Text("configMapRef", "name"))));
            }

            foreach (JsonNode volume in workload.Volumes)
            {
                if (volume.Text("configMap", "name") is { } map)
                {
                    Assert.True(rendering.Find("ConfigMap", map) is not null, $"{workload} mounts the ConfigMap '{map}', which is not there");
                }

                if (volume.Text("persistentVolumeClaim", "claimName") is { } claim)
                {
                    Assert.True(rendering.Find("PersistentVolumeClaim", claim) is not null || OperationsPage.Claims.Contains(claim), $"{workload} mounts the claim '{claim}', which is neither here nor in docs/operations.md");
                }
            }
        }
    }

    [Theory, MemberData(nameof(Overlays))]
    public void Every_secret_is_one_that_the_operator_is_told_to_make(string overlay)
    {
        Rendering rendering = renderings[overlay];
        List<(string Name, string? Key)> used = [];
        foreach (JsonNode node in rendering.Objects.SelectMany(o => o.Json.All()))
        {
            if (node.Text("secret", "secretName") is { } volume)
            {
                used.AddRange(node.Items("secret", "items") is { Count: > 0 } items ? items.Select(i => (volume, i.Text("key"))) : [(volume, null)]);
            }

            JsonNode?[] named = [node.At("secretKeyRef"), .. node.Items("secretTargetRef")];
            used.AddRange(named.OfType<JsonNode>().Select(s => (s.Text("name")!, s.Text("key"))));
        }

        Assert.Contains(("slidemesh-redis", "password"), used);
        Assert.All(used, secret => Assert.True(
            secret.Key is null ? OperationsPage.Secrets.Contains(secret.Name) : OperationsPage.Secrets[secret.Name].Contains(secret.Key),
            $"docs/operations.md does not say how to make the key '{secret.Key}' of the secret '{secret.Name}'"));
    }

    [Theory, MemberData(nameof(Overlays))]
    public void Files_that_settings_name_are_mounted(string overlay)
    {
        Rendering rendering = renderings[overlay];
        foreach (Workload node in rendering.Nodes)
        {
            IReadOnlyDictionary<string, string> variables = rendering.Variables(node);
            foreach (string setting in new[] { "SLIDEMESH_REDIS_PASSWORD_FILE", "SLIDEMESH_REDIS_CA" }.Where(variables.ContainsKey))
            {
                Assert.True(FileAt(rendering, node, variables[setting]) is not null, $"{setting} of {node} names '{variables[setting]}', which no volume holds");
            }

            foreach (string setting in new[] { "SLIDEMESH_STORE", "SLIDEMESH_MODELS_CACHE" })
            {
                JsonNode mount = node.Containers[0].Items("volumeMounts").Single(m => variables[setting].StartsWith(m.Text("mountPath")!, StringComparison.Ordinal));
                Assert.True(mount.Flag("readOnly") is null or false, $"{setting} of {node} cannot be written");
            }
        }

        bool tls = overlay.Contains("components", StringComparison.Ordinal);
        Assert.All(rendering.Nodes, n => Assert.Equal(tls, rendering.Variables(n).TryGetValue("SLIDEMESH_REDIS_TLS", out string? value) && value == "true"));
        Assert.All(rendering.Nodes, n => Assert.Equal(tls, n.Containers[0].Items("volumeMounts").Any(m => m.Text("mountPath") == "/slides" && m.Flag("readOnly") == true)));
    }

    [Theory, MemberData(nameof(Overlays))]
    public void Store_can_be_shared_as_far_as_the_overlay_reaches(string overlay)
    {
        JsonObject store = renderings[overlay].Find("PersistentVolumeClaim", "slidemesh-store")!.Json;
        string expected = overlay.StartsWith("gpu", StringComparison.Ordinal) ? "ReadWriteMany" : "ReadWriteOnce";
        Assert.Equal(expected, Assert.Single(store.Items("spec", "accessModes")).ToString());
    }

    [Theory, MemberData(nameof(Overlays))]
    public void Every_deployment_has_one_disruption_budget_that_lets_pods_go(string overlay)
    {
        Rendering rendering = renderings[overlay];
        foreach (Workload workload in rendering.Workloads.Where(w => w.Kind == "Deployment"))
        {
            // Two budgets over one pod and it could not be evicted at all.
            KubernetesObject budget = Assert.Single(rendering.Of("PodDisruptionBudget"), b => Rendering.Selects(b.Json.Map("spec", "selector", "matchLabels"), workload.PodLabels));
            Assert.Equal(1, budget.Json.Number("spec", "maxUnavailable"));
        }

        Assert.All(rendering.Of("PodDisruptionBudget"), b => Assert.Single(rendering.Workloads, w => Rendering.Selects(b.Json.Map("spec", "selector", "matchLabels"), w.PodLabels)));
    }

    /// <summary>The value after an option among a node's arguments.</summary>
    internal static string? Argument(Workload node, string option)
    {
        string[] arguments = [.. node.Containers[0].Items("args").Select(a => a.ToString())];
        int at = Array.IndexOf(arguments, option);
        return at >= 0 && at + 1 < arguments.Length ? arguments[at + 1] : null;
    }

    internal static long Bytes(string? quantity) => quantity switch
    {
        null => 0,
        _ when quantity.EndsWith("Mi", StringComparison.Ordinal) => long.Parse(quantity[..^2], System.Globalization.CultureInfo.InvariantCulture) << 20,
        _ when quantity.EndsWith("Gi", StringComparison.Ordinal) => long.Parse(quantity[..^2], System.Globalization.CultureInfo.InvariantCulture) << 30,
        _ => throw new FormatException($"'{quantity}' is no quantity of memory in Mi or Gi"),
    };

    /// <summary>The container's port of that name or number.</summary>
    private static JsonNode Port(JsonNode container, string nameOrNumber) =>
        container.Items("ports").SingleOrDefault(p => p.Text("name") == nameOrNumber || p.Text("containerPort") == nameOrNumber)
        ?? throw new InvalidOperationException($"the container '{container.Text("name")}' has no port '{nameOrNumber}'");

    /// <summary>The volume that holds a file of a ConfigMap or Secret at a path in the container; null when none does.</summary>
    private static JsonNode? FileAt(Rendering rendering, Workload workload, string path)
    {
        string folder = Path.GetDirectoryName(path)!;
        string file = Path.GetFileName(path);
        string? name = workload.Containers[0].Items("volumeMounts").SingleOrDefault(m => m.Text("mountPath") == folder).Text("name");
        JsonNode? volume = workload.Volumes.SingleOrDefault(v => v.Text("name") == name);
        bool holds = volume.Text("configMap", "name") is { } map
            ? rendering.Find("ConfigMap", map)!.Json.Map("data").ContainsKey(file)
            : volume.Items("secret", "items") is { Count: > 0 } items
                ? items.Any(i => i.Text("path") == file)
                : volume.Text("secret", "secretName") is { } secret && OperationsPage.Secrets[secret].Contains(file);
        return holds ? volume : null;
    }
}
