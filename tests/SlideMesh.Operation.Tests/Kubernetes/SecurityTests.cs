using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace SlideMesh.Operation.Tests.Kubernetes;

/// <summary>No pod has more rights than it needs, no password lies in a file here, and images are the ones that were meant.</summary>
[Collection(RenderedOnce.Name)]
public sealed partial class SecurityTests(Renderings renderings)
{
    public static TheoryData<string> Overlays => Renderings.Names;

    [Theory, MemberData(nameof(Overlays))]
    public void Pod_runs_without_root_and_without_an_account_at_the_api(string overlay)
    {
        foreach (Workload workload in renderings[overlay].Workloads)
        {
            JsonNode pod = workload.Pod;
            Assert.True(pod.Flag("securityContext", "runAsNonRoot") == true, $"{workload} may run as root");
            Assert.True(pod.Number("securityContext", "runAsUser") > 0 && pod.Number("securityContext", "runAsGroup") > 0, $"{workload} names no user");
            Assert.True(pod.Number("securityContext", "fsGroup") > 0, $"{workload}'s volumes would belong to root");
            Assert.True(pod.Text("securityContext", "seccompProfile", "type") == "RuntimeDefault", $"{workload} has no seccomp profile");
            Assert.True(pod.Flag("automountServiceAccountToken") == false, $"{workload} has a token for the API");
            Assert.True(pod.Flag("enableServiceLinks") == false, $"{workload} gets variables named after services, such as SLIDEMESH_REDIS_PORT");
            Assert.All(new[] { "hostNetwork", "hostPID", "hostIPC" }, right => Assert.NotEqual(true, pod.Flag(right)));
            Assert.All(workload.Volumes, v => Assert.Null(v.At("hostPath")));
        }
    }

    [Theory, MemberData(nameof(Overlays))]
    public void Container_has_no_capability_and_a_read_only_root(string overlay)
    {
        foreach ((Workload workload, JsonNode container) in renderings[overlay].Workloads.SelectMany(w => w.Containers.Select(c => (w, c))))
        {
            JsonNode? context = container.At("securityContext");
            Assert.True(context.Flag("allowPrivilegeEscalation") == false, $"{workload} may gain rights");
            Assert.True(context.Flag("readOnlyRootFilesystem") == true, $"{workload} may write to its image");
            Assert.Equal(["ALL"], context.Items("capabilities", "drop").Select(c => c.ToString()));
            Assert.Null(context.At("capabilities", "add"));
            Assert.NotEqual(true, context.Flag("privileged"));
        }
    }

    [Theory, MemberData(nameof(Overlays))]
    public void Image_has_a_version(string overlay)
    {
        foreach (string image in renderings[overlay].Workloads.SelectMany(w => w.Containers).Select(c => c.Text("image")!))
        {
            Assert.True(PinnedImage().IsMatch(image), $"'{image}' is not pinned to a version");
        }
    }

    [Theory, MemberData(nameof(Overlays))]
    public void No_password_is_written_down(string overlay)
    {
        Rendering rendering = renderings[overlay];
        Assert.Empty(rendering.Of("Secret"));
        IEnumerable<KeyValuePair<string, string>> settings = rendering.Nodes.SelectMany(rendering.Variables).Concat(rendering.Workloads.SelectMany(w => w.Containers).SelectMany(c => c.Items("env"))
            .Select(v => KeyValuePair.Create(v.Text("name")!, v.Text("value") ?? "")));
        Assert.DoesNotContain(settings, s => SecretName().IsMatch(s.Key) && !s.Key.EndsWith("_FILE", StringComparison.Ordinal));
        foreach (KubernetesObject map in rendering.Of("ConfigMap"))
        {
            Assert.All(map.Json.Map("data"), file => Assert.DoesNotMatch(PasswordLine(), file.Value));
        }
    }

    [GeneratedRegex(@"^[a-z0-9./-]+(:[0-9]+)?[a-z0-9./-]*(:v?[0-9]+\.[0-9]+\.[0-9]+[a-z0-9.-]*|@sha256:[0-9a-f]{64})$")]
    private static partial Regex PinnedImage();

    [GeneratedRegex("PASSWORD|TOKEN|SECRET|CREDENTIAL", RegexOptions.IgnoreCase)]
    private static partial Regex SecretName();

    [GeneratedRegex("^ *(requirepass|masterauth|user) ", RegexOptions.Multiline)]
    private static partial Regex PasswordLine();
}
