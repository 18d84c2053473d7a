using SlideMesh.Operation.Tests.Nodes;

namespace SlideMesh.Operation.Tests.Kubernetes;

/// <summary>A setting that the command does not know would be ignored, or end the pod: neither is seen before a cluster runs.</summary>
public sealed class SettingTests(Renderings renderings) : IClassFixture<Renderings>
{
    public static TheoryData<string> Overlays => Renderings.Names;

    [Theory, MemberData(nameof(Overlays))]
    public void Variables_and_options_are_known(string overlay)
    {
        Rendering rendering = renderings[overlay];
        foreach (Workload node in rendering.Nodes)
        {
            Assert.All(rendering.Variables(node).Keys, variable => Assert.True(KnownSettings.Knows(variable), $"{node} sets {variable}, which nobody reads"));
            IEnumerable<string> options = node.Containers[0].Items("args").Select(a => a.ToString()).Where(a => a.StartsWith("--", StringComparison.Ordinal));
            Assert.All(options, option => Assert.True(ClusterPage.NodeOptions.Contains(option), $"{node} is given {option}, which 'slidemesh node' does not take"));
        }
    }

    [Theory, MemberData(nameof(Overlays))]
    public void Node_is_named_after_its_pod(string overlay) =>
        Assert.All(renderings[overlay].Nodes, node => Assert.Equal(
            "metadata.name", node.Containers[0].Items("env").Single(v => v.Text("name") == "SLIDEMESH_NODE_NAME").Text("valueFrom", "fieldRef", "fieldPath")));
}
