using System.Globalization;
using System.Text.Json.Nodes;

namespace SlideMesh.Operation.Tests.Kubernetes;

/// <summary>Pools grow by their backlog, shrink slowly, and what must go drains.</summary>
[Collection(RenderedOnce.Name)]
public sealed class ScalingTests(Renderings renderings)
{
    public static TheoryData<string> Overlays => Renderings.Names;

    [Theory, MemberData(nameof(Overlays))]
    public void Scaled_object_counts_the_backlog_of_the_pool_that_its_target_serves(string overlay)
    {
        Rendering rendering = renderings[overlay];
        KubernetesObject[] scaled = [.. rendering.Of("ScaledObject")];
        Assert.Equal(overlay.StartsWith("gpu", StringComparison.Ordinal) ? 2 : 0, scaled.Length);
        foreach (KubernetesObject scaling in scaled)
        {
            Workload target = Assert.Single(rendering.Workloads, w => w.Kind == scaling.Json.Text("spec", "scaleTargetRef", "kind") && w.Name == scaling.Json.Text("spec", "scaleTargetRef", "name"));
            Assert.Equal("inference", WorkloadTests.Argument(target, "--role"));
            // A fixed number here would undo the autoscaler's at each apply.
            Assert.Null(target.Json.At("spec", "replicas"));

            JsonNode trigger = Assert.Single(scaling.Json.Items("spec", "triggers"));
            Assert.Equal("redis", trigger.Text("type"));
            Assert.All(trigger.At("metadata")!.AsObject(), p => Assert.Equal(System.Text.Json.JsonValueKind.String, p.Value!.GetValueKind()));
            Assert.Equal(
                ClusterPage.BacklogKey(rendering.Variables(target).GetValueOrDefault("SLIDEMESH_NAMESPACE", "slidemesh"), WorkloadTests.Argument(target, "--pool")!),
                trigger.Text("metadata", "listName"));
            Assert.True(int.Parse(trigger.Text("metadata", "listLength")!, CultureInfo.InvariantCulture) > 0);

            string[] address = trigger.Text("metadata", "address")!.Split('.', ':');
            Assert.NotNull(rendering.Find("Service", address[0]));
            Assert.Equal(["slidemesh", "svc", "cluster", "local", "6379"], address[1..]);
            Assert.NotNull(rendering.Find("TriggerAuthentication", trigger.Text("authenticationRef", "name")));
        }
    }

    [Theory, MemberData(nameof(Overlays))]
    public void Pool_shrinks_one_pod_at_a_time_and_not_at_once(string overlay)
    {
        foreach (KubernetesObject scaling in renderings[overlay].Of("ScaledObject"))
        {
            JsonNode down = scaling.Json.At("spec", "advanced", "horizontalPodAutoscalerConfig", "behavior", "scaleDown")!;
            Assert.True(down.Number("stabilizationWindowSeconds") >= 300);
            Assert.Equal((1, "Pods"), (Assert.Single(down.Items("policies")).Number("value"), down.Items("policies")[0].Text("type")));
            Assert.True(scaling.Json.Number("spec", "cooldownPeriod") >= 300);
            // A run takes its engine from a node of its pool that is up at the submission.
            Assert.True(scaling.Json.Number("spec", "minReplicaCount") >= 1);
            Assert.True(scaling.Json.Number("spec", "minReplicaCount") < scaling.Json.Number("spec", "maxReplicaCount"));
        }
    }

    [Theory, MemberData(nameof(Overlays))]
    public void Stopping_pod_is_told_by_sigterm_and_has_time_to_drain(string overlay)
    {
        Rendering rendering = renderings[overlay];
        foreach (Workload node in rendering.Nodes)
        {
            int grace = int.Parse(rendering.Variables(node)["SLIDEMESH_GRACE"], CultureInfo.InvariantCulture);
            Assert.True(node.Pod.Number("terminationGracePeriodSeconds") >= grace + 15, $"{node} is killed before its {grace} s of grace are over");
            // A shell in front would take the signal and not pass it on.
            Assert.Null(node.Containers[0].At("command"));
            Assert.Equal("node", node.Containers[0].Items("args")[0].ToString());
        }
    }

    [Theory, MemberData(nameof(Overlays))]
    public void Gpu_pool_has_a_card_a_pod_and_the_small_overlay_none(string overlay)
    {
        Rendering rendering = renderings[overlay];
        foreach (Workload node in rendering.Nodes)
        {
            bool gpu = node.Name == "slidemesh-inference-gpu";
            JsonNode resources = node.Containers[0].At("resources")!;
            Assert.Equal(gpu ? 1 : null, resources.Number("limits", "nvidia.com/gpu"));
            Assert.Equal(gpu ? 1 : null, resources.Number("requests", "nvidia.com/gpu"));
            Assert.Equal(gpu ? "cuda:0" : WorkloadTests.Argument(node, "--role") == "inference" ? "cpu" : null, WorkloadTests.Argument(node, "--device"));
            Assert.Equal(gpu ? "libtorch" : null, WorkloadTests.Argument(node, "--engine"));
            // A pod with the card's request but without the toleration would wait for ever on machines kept for cards.
            Assert.Equal(gpu, node.Pod.Items("tolerations").Any(t => t.Text("key") == "nvidia.com/gpu"));
        }
    }
}
