using SlideMesh.Operation.Tests.Nodes;

namespace SlideMesh.Operation.Tests.Kubernetes;

/// <summary>A setting that the command does not know would be ignored, or end the pod: neither is seen before a cluster runs.</summary>
[Collection(RenderedOnce.Name)]
public sealed class SettingTests(Renderings renderings)
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

    [Fact]
    public void Overlays_that_the_documentation_shows_render_and_name_the_sites_image()
    {
        Assert.Equal(2, OperationsPage.Kustomizations.Count);
        DirectoryInfo folder = Directory.CreateTempSubdirectory("slidemesh-site-");
        try
        {
            Directory.CreateSymbolicLink(Path.Combine(folder.FullName, "k8s"), Checkout.PathOf("k8s"));
            string site = folder.CreateSubdirectory("site").FullName;
            foreach (string kustomization in OperationsPage.Kustomizations)
            {
                File.WriteAllText(Path.Combine(site, "kustomization.yaml"), kustomization);
                Rendering rendering = Renderings.Read("the documentation's overlay", site);
                Assert.All(rendering.Nodes, n => Assert.StartsWith("registry.example.org/slidemesh:", n.Containers[0].Text("image"), StringComparison.Ordinal));
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
