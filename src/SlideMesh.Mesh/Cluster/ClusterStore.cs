using System.Text.Json;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Runs;
using SlideMesh.Reporting;
using SlideMesh.Reporting.Json;
using SlideMesh.Reporting.OutputStore;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Cluster;

/// <summary>
/// The shared folder of a cluster. Beside the runs' output folders it holds, in <c>.slidemesh</c>, what was submitted, which slides
/// failed and why, and the model packages:
/// <c>runs/&lt;id&gt;/{run.json, ended.json, &lt;omics table&gt;, failed/&lt;slide&gt;.json, log/&lt;node&gt;.log}</c> and <c>models/&lt;sha256&gt;/</c>.
/// </summary>
public sealed class ClusterStore
{
    private readonly string _own;

    private ClusterStore(string root)
    {
        Root = root;
        _own = Path.Combine(root, ".slidemesh");
    }

    public string Root { get; }

    /// <exception cref="OutputException">The folder is not there or cannot be written.</exception>
    public static ClusterStore Open(string root)
    {
        ClusterStore store = new(Path.GetFullPath(root));
        if (!Directory.Exists(store.Root))
        {
            throw new OutputException($"store '{root}' does not exist; name the shared folder with --store, and check that it is mounted");
        }

        try
        {
            Directory.CreateDirectory(store._own);
            // A real byte: creating an empty file succeeds on a full disk.
            string probe = Path.Combine(store._own, $".writable-{Guid.NewGuid():N}");
            AtomicFile.WriteBytes(probe, new byte[4096]);
            File.Delete(probe);
            return store;
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw RunStore.Unusable(root, failed);
        }
    }

    /// <summary>Whether the store is there: a share may go away.</summary>
    public bool IsThere => Directory.Exists(_own);

    public string Folder(string run) => Path.Combine(_own, "runs", run);

    public string OutputRoot(RunSpecification run) => Path.GetFullPath(run.Out, Root);

    /// <summary><c>--out</c> as a path below the store.</summary>
    /// <exception cref="OutputException">It lies elsewhere, or is the store itself.</exception>
    public string RelativeOut(string output)
    {
        string full = Path.GetFullPath(output, Root);
        string relative = Path.GetRelativePath(Root, full);
        return !Path.IsPathRooted(relative) && relative.Split('/')[0] is not (".." or "." or ".slidemesh")
            ? relative
            : throw new OutputException($"output '{output}' does not lie below the store '{Root}'; nodes write there only: give a folder in it");
    }

    public RunSpecification Read(string run) => RunSpecification.Read(Path.Combine(Folder(run), "run.json"));

    public void Write(RunSpecification run) => AtomicFile.WriteBytes(Path.Combine(Folder(run.Id), "run.json"), run.ToJson());

    /// <summary>Ids of everything that was ever submitted. Ids begin with their time, so that the order is that of submission.</summary>
    public IReadOnlyList<string> RunFolders()
    {
        string folder = Path.Combine(_own, "runs");
        return Directory.Exists(folder) ? [.. Directory.EnumerateDirectories(folder).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)] : [];
    }

    /// <returns>Null when it cannot be read: half submitted, or by another version.</returns>
    public RunSpecification? TryRead(string run)
    {
        try
        {
            return Read(run);
        }
        catch (Exception unfit) when (unfit is JsonException or IOException)
        {
            return null;
        }
    }

    public RunEnd? ReadEnd(string run)
    {
        string path = Path.Combine(Folder(run), "ended.json");
        return File.Exists(path) ? JsonSerializer.Deserialize(File.ReadAllBytes(path), SubmissionJson.Default.RunEnd) : null;
    }

    public void WriteEnd(string run, RunEnd end) =>
        AtomicFile.WriteBytes(Path.Combine(Folder(run), "ended.json"), JsonSerializer.SerializeToUtf8Bytes(end, SubmissionJson.Default.RunEnd));

    /// <summary>The run goes on: slides are tried again.</summary>
    public void RemoveEnd(string run) => File.Delete(Path.Combine(Folder(run), "ended.json"));

    /// <summary>Why a slide has no result.</summary>
    public void WriteFailure(string run, SlideSummary summary) => AtomicFile.Write(Failure(run, new SlideId(summary.SlideId)), path =>
    {
        using FileStream stream = File.Create(path);
        ResultJson.Write(stream, summary);
    });

    public SlideSummary? ReadFailure(string run, SlideId slide)
    {
        string path = Failure(run, slide);
        if (!File.Exists(path))
        {
            return null;
        }

        using FileStream stream = File.OpenRead(path);
        return ResultJson.ReadSummary(stream);
    }

    /// <summary>A new try begins.</summary>
    public void RemoveFailure(string run, SlideId slide)
    {
        if (File.Exists(Failure(run, slide)))
        {
            File.Delete(Failure(run, slide));
        }
    }

    /// <summary>Copies a package into the store, where nodes find it by its SHA-256. Does nothing when it is there.</summary>
    public ModelReference Keep(ModelPackage package)
    {
        ArgumentNullException.ThrowIfNull(package);
        PackageCopy.Place(package.Folder, Path.Combine(_own, "models", package.Sha256));
        return new ModelReference(package.Name, package.Sha256);
    }

    /// <summary>Fetches a package into a node's cache and verifies every file there.</summary>
    /// <exception cref="ModelPackageException">It is not in the store, damaged, or another one than its name says.</exception>
    public ModelPackage Fetch(ModelReference model, string cache)
    {
        ArgumentNullException.ThrowIfNull(model);
        string local = Path.Combine(cache, model.Sha256);
        if (Directory.Exists(local))
        {
            try
            {
                return Verified(local, model);
            }
            catch (ModelPackageException)
            {
                // A cache may be damaged or cleaned up in parts: fetched anew.
                Directory.Delete(local, recursive: true);
            }
        }

        string stored = Path.Combine(_own, "models", model.Sha256);
        if (!Directory.Exists(stored))
        {
            throw new ModelPackageException(stored, $"package '{model.Name}' is not in the store; submit a run with it once more.");
        }

        PackageCopy.Place(stored, local);
        return Verified(local, model);
    }

    /// <summary>Appends the trace of a failure to the node's own log of the run.</summary>
    public void Log(string run, string node, string text)
    {
        string folder = Path.Combine(Folder(run), "log");
        Directory.CreateDirectory(folder);
        File.AppendAllText(Path.Combine(folder, node + ".log"), text + "\n");
    }

    private static ModelPackage Verified(string folder, ModelReference model)
    {
        ModelPackage package = ModelPackage.Load(folder);
        return package.Sha256 == model.Sha256
            ? package
            : throw new ModelPackageException(folder, $"is package {package.Sha256}, {model.Sha256} ('{model.Name}') was wanted; submit the run once more.");
    }

    private string Failure(string run, SlideId slide) => Path.Combine(Folder(run), "failed", slide.Value + ".json");
}

/// <summary>Folders copied whole or not at all, by as many processes at once as want to.</summary>
internal static class PackageCopy
{
    public static void Place(string from, string to)
    {
        if (Directory.Exists(to))
        {
            return;
        }

        string temporary = Path.Combine(Path.GetDirectoryName(to)!, $"{AtomicFile.TemporaryPrefix}{Guid.NewGuid():N}");
        foreach (string file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(temporary, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }

        try
        {
            Directory.Move(temporary, to);
        }
        catch (IOException) when (Directory.Exists(to))
        {
            // Another process was quicker with the same bytes.
            Directory.Delete(temporary, recursive: true);
        }
    }
}
