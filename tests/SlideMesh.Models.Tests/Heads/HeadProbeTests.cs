using SlideMesh.Inference.OnnxRuntime;
using SlideMesh.Inference.Packages;
using SlideMesh.Models.Packaging;

namespace SlideMesh.Models.Tests.Heads;

/// <summary>What <c>model verify</c> makes of a head's fixed bag, by each manner of pooling, against PyTorch (tests/reference/make_probe_reference.py).</summary>
public sealed class HeadProbeTests : IDisposable
{
    private readonly OnnxRuntimeEngine _engine = new();

    [Theory]
    [InlineData("mean-pool", Pooling.Mean)]
    [InlineData("deepsets-survival", Pooling.Sum)]
    [InlineData("max-mil", Pooling.Maximum)]
    [InlineData("clam-mil", Pooling.Top)]
    [InlineData("ab-mil-gated", null)]
    public void Probe_of_an_imported_head_equals_PyTorch(string name, Pooling? pooling)
    {
        using ImportedHead head = new(HeadCase.Load(name));
        Assert.Equal(pooling, head.Package.Manifest.Pooling);
        Assert.Equal(name == "mean-pool", head.Package.Manifest.PoolsFeatures);

        ProbeReference reference = ProbeReference.Read(ReferenceFolder.File("expected", "probes", $"{name}.json"));
        (string output, double difference) = Assert.Single(reference.Compare(PackageProbe.Run(head.Package, _engine)));

        Assert.Equal("bag/logits", output);
        Assert.InRange(difference, 0, reference.Tolerance);
    }

    public void Dispose() => _engine.Dispose();
}
