namespace SlideMesh.Operation.Tests.Kubernetes;

/// <summary>Rendered once for all tests: `kubectl` takes a second for each.</summary>
[CollectionDefinition(Name)]
public sealed class RenderedOnce : ICollectionFixture<Renderings>
{
    public const string Name = "rendered once";
}

/// <summary>What `kubectl kustomize` makes of the overlays, alone and with both components.</summary>
public sealed class Renderings
{
    private readonly Dictionary<string, Rendering> _byName;

    public Renderings()
    {
        _byName = All.AsParallel().Select(Render).ToDictionary(rendering => rendering.Name);
    }

    public static TheoryData<string> Names => [.. All];

    private static IReadOnlyList<string> All => ["small", "gpu", "small with components", "gpu with components"];

    internal Rendering this[string name] => _byName[name];

    private static Rendering Render(string name)
    {
        string overlay = Checkout.PathOf($"k8s/overlays/{name.Split(' ')[0]}");
        if (!name.Contains(' ', StringComparison.Ordinal))
        {
            return Read(name, overlay);
        }

        DirectoryInfo folder = Directory.CreateTempSubdirectory("slidemesh-kustomize-");
        try
        {
            string Relative(string path) => Path.GetRelativePath(Real(folder.FullName), Real(path));
            File.WriteAllText(Path.Combine(folder.FullName, "kustomization.yaml"), $"""
                apiVersion: kustomize.config.k8s.io/v1beta1
                kind: Kustomization
                resources:
                  - {Relative(overlay)}
                components:
                  - {Relative(Checkout.PathOf("k8s/components/slides"))}
                  - {Relative(Checkout.PathOf("k8s/components/redis-tls"))}
                """);
            return Read(name, folder.FullName);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    internal static Rendering Read(string name, string folder)
    {
        ProgramResult rendered = Checkout.Run(Checkout.Tool("kubectl"), ["kustomize", folder]);
        Assert.True(rendered.ExitCode == 0, $"{name} does not render: {rendered.Error}");
        // Deprecated fields and unused patches are told here.
        Assert.True(rendered.Error.Length == 0, $"{name} renders with a warning: {rendered.Error}");
        return new Rendering(name, [.. YamlText.Documents(rendered.Out).Select(document => new KubernetesObject(document))]);
    }

    private static string Real(string path) => new DirectoryInfo(path).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? path;
}
