using System.Security.Cryptography;

namespace SlideMesh.Inference.Packages;

/// <summary>A model package on disk, its manifest read and every file verified. Immutable.</summary>
public sealed class ModelPackage
{
    public const string ManifestFileName = "model.json";

    private ModelPackage(string folder, ModelManifest manifest, string sha256)
    {
        Folder = folder;
        Manifest = manifest;
        Sha256 = sha256;
    }

    /// <summary>Full path of the package's folder.</summary>
    public string Folder { get; }

    public ModelManifest Manifest { get; }

    /// <summary>
    /// Identity of the package, lower-case hex: the SHA-256 of its manifest in canonical form (no white space, members in ordinal
    /// order). It covers every file, because the manifest lists their SHA-256.
    /// </summary>
    public string Sha256 { get; }

    public string Name => Manifest.Name;

    public ModelKind Kind => Manifest.Kind;

    /// <summary>The graph whose outputs are the package's answers: summary, bag, whole or fusion; the tile graph when there is none of them.</summary>
    public string LastRole => new[] { GraphRole.Fusion, GraphRole.Whole, GraphRole.Bag, GraphRole.Summary, GraphRole.Tile }.First(Manifest.Graphs.ContainsKey);

    /// <summary>Whether the tile graph takes pixels: an encoder, or a tile classifier without an encoder.</summary>
    public bool TakesPixels => Kind == ModelKind.Encoder || (Kind == ModelKind.TileClassifier && Manifest.Encoder is null);

    /// <summary>Full path of the graph file of <paramref name="role"/>.</summary>
    public string GraphPath(string role) => PathOf(Manifest.Graphs[role].File);

    /// <summary>SHA-256 of the graph file of <paramref name="role"/>.</summary>
    public string GraphSha256(string role) => Manifest.Files.Single(f => f.Path == Manifest.Graphs[role].File).Sha256;

    /// <summary>Full path of a file that the manifest lists.</summary>
    public string PathOf(string file) => Path.Combine(Folder, file);

    /// <param name="folder">Folder with a <c>model.json</c>.</param>
    /// <exception cref="ModelPackageException">Anything is missing, damaged or contradicts itself.</exception>
    public static ModelPackage Load(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        string root = Path.GetFullPath(folder);
        string file = Path.Combine(root, ManifestFileName);
        if (!File.Exists(file))
        {
            throw new ModelPackageException(root, $"has no {ManifestFileName}; name a model package's folder.");
        }

        try
        {
            ModelManifest manifest = ManifestReader.Read(file, File.ReadAllBytes(file), out byte[] canonical);
            ManifestRules.Check(file, manifest);
            foreach (PackageFile listed in manifest.Files)
            {
                Verify(root, file, listed);
            }

            RefuseUnlisted(root, root, manifest);
            foreach (string graph in manifest.Graphs.Values.Select(g => g.File).Distinct())
            {
                RefuseUnlistedData(root, graph, manifest);
            }

            return new ModelPackage(root, manifest, Convert.ToHexStringLower(SHA256.HashData(canonical)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelPackageException(root, $"cannot be read: {e.Message}", e);
        }
    }

    /// <summary>
    /// A graph may keep its weights in other files of the folder, which the runtime opens by itself: whatever is not listed would be
    /// read without ever being hashed.
    /// </summary>
    private static void RefuseUnlisted(string root, string folder, ModelManifest manifest)
    {
        foreach (FileSystemInfo entry in new DirectoryInfo(folder).EnumerateFileSystemInfos().OrderBy(e => e.Name, StringComparer.Ordinal))
        {
            string path = Path.GetRelativePath(root, entry.FullName).Replace(Path.DirectorySeparatorChar, '/');
            if (entry is DirectoryInfo && entry.LinkTarget is null && manifest.Files.Any(f => f.Path.StartsWith(path + "/", StringComparison.Ordinal)))
            {
                RefuseUnlisted(root, entry.FullName, manifest);
            }
            else if (entry is DirectoryInfo || !(IsForReaders(path) || manifest.Files.Any(f => f.Path == path)))
            {
                throw new ModelPackageException(
                    Path.Combine(root, ManifestFileName),
                    $"package '{manifest.Name}' holds '{path}', which 'files' does not list; list it with its SHA-256, or remove it.");
            }
        }
    }

    private static void RefuseUnlistedData(string root, string graph, ModelManifest manifest)
    {
        using FileStream stream = File.OpenRead(Path.Combine(root, graph));
        string folder = graph.Contains('/') ? graph[..(graph.LastIndexOf('/') + 1)] : "";
        foreach (string location in ExternalData.Locations(stream))
        {
            if (!manifest.Files.Any(f => f.Path == folder + location))
            {
                throw new ModelPackageException(
                    Path.Combine(root, ManifestFileName),
                    $"package '{manifest.Name}': graph file '{graph}' keeps data in '{location}', which 'files' does not list; list it with its SHA-256.");
            }
        }
    }

    private static bool IsForReaders(string path) =>
        path == ManifestFileName
        || (!path.Contains('/') && (path.StartsWith("README", StringComparison.Ordinal) || path.StartsWith("LICENSE", StringComparison.Ordinal)));

    private static void Verify(string root, string manifestFile, PackageFile listed)
    {
        string path = root;
        foreach (string part in listed.Path.Split('/'))
        {
            path = Path.Combine(path, part);
            if (new FileInfo(path).LinkTarget is not null)
            {
                throw new ModelPackageException(manifestFile, $"file '{listed.Path}' is a link; a package holds its own files: copy the target here.");
            }
        }

        FileInfo info = new(path);
        if (!info.Exists)
        {
            throw new ModelPackageException(manifestFile, $"file '{listed.Path}' is missing; fetch the package again.");
        }

        if (info.Length != listed.Bytes)
        {
            throw new ModelPackageException(
                manifestFile, $"file '{listed.Path}' has {info.Length} bytes, {listed.Bytes} are listed; it is damaged or was changed: fetch the package again.");
        }

        using FileStream stream = info.OpenRead();
        string sha256 = Convert.ToHexStringLower(SHA256.HashData(stream));
        if (sha256 != listed.Sha256)
        {
            throw new ModelPackageException(
                manifestFile, $"file '{listed.Path}' has SHA-256 {sha256}, {listed.Sha256} is listed; it is damaged or was changed: fetch the package again.");
        }
    }
}
