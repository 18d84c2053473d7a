using SlideMesh.Inference.Engines;

namespace SlideMesh.Inference.Packages;

/// <summary>Checks a single package against its graphs, without the packages that it works with.</summary>
public static class PackageCheck
{
    /// <summary>Loads every graph and compares its tensors with the manifest's.</summary>
    /// <exception cref="ModelPackageException">They disagree; the message names graph and tensor.</exception>
    public static void Graphs(ModelPackage package, IInferenceEngine engine)
    {
        ArgumentNullException.ThrowIfNull(package);
        ArgumentNullException.ThrowIfNull(engine);
        new GraphRules(package).Check(engine);
    }

    /// <summary>Files in which an ONNX graph keeps weights, by the names that it gives them: relative to its own folder, and not checked.</summary>
    public static IReadOnlyList<string> DataFiles(string graph)
    {
        using FileStream stream = File.OpenRead(graph);
        return ExternalData.Locations(stream);
    }
}
