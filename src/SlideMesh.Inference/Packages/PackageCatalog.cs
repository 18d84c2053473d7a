namespace SlideMesh.Inference.Packages;

/// <summary>Where model packages are looked for by name, nearest first.</summary>
public sealed class PackageCatalog
{
    /// <summary>Variable with a list of folders that hold packages, separated as in PATH.</summary>
    public const string Variable = "SLIDEMESH_MODELS";

    /// <param name="searchPath">Folders whose subfolders are packages, in order of preference; those that do not exist are passed over.</param>
    public PackageCatalog(IEnumerable<string> searchPath) => SearchPath = [.. searchPath.Select(Path.GetFullPath).Distinct()];

    public IReadOnlyList<string> SearchPath { get; }

    /// <summary>
    /// The usual search path: <paramref name="folders"/>, those in SLIDEMESH_MODELS, <c>models</c> beside the program, and a checkout's
    /// <c>tools/demo-models</c> above it.
    /// </summary>
    public static PackageCatalog Default(IEnumerable<string>? folders = null) =>
        Default(folders ?? [], Environment.GetEnvironmentVariable(Variable), AppContext.BaseDirectory);

    internal static PackageCatalog Default(IEnumerable<string> folders, string? variable, string baseFolder)
    {
        List<string> path = [.. folders];
        path.AddRange((variable ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        path.Add(Path.Combine(baseFolder, "models"));
        for (DirectoryInfo? folder = new(baseFolder); folder is not null; folder = folder.Parent)
        {
            string demo = Path.Combine(folder.FullName, "tools", "demo-models");
            if (Directory.Exists(demo))
            {
                path.Add(demo);
                break;
            }
        }

        return new PackageCatalog(path);
    }

    /// <summary>Loads each of <paramref name="references"/>: a package's folder, a folder of packages (all of them, by name), or a package's name.</summary>
    /// <returns>Each package once, in the order given.</returns>
    /// <exception cref="ModelPackageException">One is not found or cannot be used.</exception>
    public IReadOnlyList<ModelPackage> Load(IEnumerable<string> references)
    {
        ArgumentNullException.ThrowIfNull(references);
        return [.. references.SelectMany(Folders).Distinct(StringComparer.Ordinal).Select(ModelPackage.Load)];
    }

    /// <summary>
    /// <see cref="Load"/>, and the encoders that these packages refer to, taken from the search path when they were not named.
    /// </summary>
    public IReadOnlyList<ModelPackage> LoadWithEncoders(IEnumerable<string> references) => LoadWith(references, _ => true);

    /// <summary><see cref="LoadWithEncoders"/>, but an encoder that is not on the search path is left out.</summary>
    public IReadOnlyList<ModelPackage> LoadWithKnownEncoders(IEnumerable<string> references) =>
        LoadWith(references, name => SearchPath.Any(folder => IsPackage(Path.Combine(folder, name))));

    private List<ModelPackage> LoadWith(IEnumerable<string> references, Func<string, bool> wanted)
    {
        List<ModelPackage> packages = [.. Load(references)];
        HashSet<string> names = [.. packages.Select(p => p.Name)];
        foreach (ModelPackage package in packages.ToArray())
        {
            if (package.Manifest.Encoder is { } encoder && wanted(encoder.Name) && names.Add(encoder.Name))
            {
                packages.AddRange(Load([encoder.Name]));
            }
        }

        return packages;
    }

    /// <summary>Folders of every package on the search path, nearest first; a name that occurs again further on is left out.</summary>
    public IReadOnlyList<string> Available() =>
        [.. SearchPath.Where(Directory.Exists).SelectMany(PackagesIn).DistinctBy(Path.GetFileName)];

    private IEnumerable<string> Folders(string reference)
    {
        if (Directory.Exists(reference))
        {
            string folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(reference));
            if (IsPackage(folder))
            {
                return [folder];
            }

            List<string> inside = [.. PackagesIn(folder)];
            if (inside.Count > 0)
            {
                return inside;
            }
        }

        bool isName = !reference.Contains('/') && !reference.Contains('\\') && reference is not ("" or "." or "..");
        string? found = isName ? SearchPath.Select(folder => Path.Combine(folder, reference)).FirstOrDefault(IsPackage) : null;
        return found is not null
            ? [found]
            : throw new ModelPackageException(
                reference, $"is neither a model package nor the name of one in {string.Join(", ", SearchPath)}; give a folder or set {Variable}.");
    }

    private static IEnumerable<string> PackagesIn(string folder) => Directory.EnumerateDirectories(folder).Where(IsPackage).Order(StringComparer.Ordinal);

    private static bool IsPackage(string folder) => File.Exists(Path.Combine(folder, ModelPackage.ManifestFileName));
}
