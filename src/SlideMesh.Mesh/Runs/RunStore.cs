using SlideMesh.Mesh.Engine;
using SlideMesh.Reporting.OutputStore;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Runs;

/// <summary>The output folder of a run, held by one process at a time. The lock is the kernel's: a killed process never leaves a stale one.</summary>
public sealed class RunStore : IDisposable
{
    private readonly FileStream _lock;

    private RunStore(string root, FileStream held)
    {
        Root = root;
        _lock = held;
    }

    public string Root { get; }

    public string RunJson => Path.Combine(Root, "run.json");

    public string SlidesCsv => Path.Combine(Root, "slides.csv");

    public string FailuresCsv => Path.Combine(Root, "failures.csv");

    public string TimingsCsv => Path.Combine(Root, "timings.csv");

    public string Report => Path.Combine(Root, "report.html");

    public string Log => Path.Combine(Root, "run.log");

    public SlideFolder Slide(SlideId slide) => new(Root, slide);

    /// <summary>Creates the folder when needed, proves that it can be written, and takes it for this process.</summary>
    /// <exception cref="OutputException">It cannot be created, written or locked.</exception>
    public static RunStore Open(string root)
    {
        string full = Path.GetFullPath(root);
        try
        {
            if (File.Exists(full))
            {
                throw new OutputException($"output '{root}' is a file; give a folder");
            }

            Directory.CreateDirectory(full);
            FileStream held = Hold(root, Path.Combine(full, ".lock"));
            try
            {
                // A real byte: creating an empty file succeeds on a full disk.
                AtomicFile.WriteBytes(Path.Combine(full, ".writable"), new byte[4096]);
                File.Delete(Path.Combine(full, ".writable"));
            }
            catch
            {
                held.Dispose();
                throw;
            }

            return new RunStore(full, held);
        }
        catch (UnauthorizedAccessException denied)
        {
            throw new OutputException($"output folder '{root}' cannot be written: {denied.Message}; choose another with --out or change its permissions", denied);
        }
        catch (IOException failed)
        {
            throw new OutputException(
                FailureClassifier.IsOutputFull(failed)
                    ? $"output folder '{root}' is full or read-only: {failed.Message}; free space or choose another with --out"
                    : $"output folder '{root}' cannot be used: {failed.Message}; choose another with --out",
                failed);
        }
    }

    /// <summary>Removes temporary files that a killed process left in a slide's folder.</summary>
    public static void RemoveLeftovers(SlideFolder folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        if (!Directory.Exists(folder.Root))
        {
            return;
        }

        foreach (string leftover in Directory.EnumerateFiles(folder.Root, AtomicFile.TemporaryPrefix + "*", SearchOption.AllDirectories))
        {
            File.Delete(leftover);
        }
    }

    public void Dispose() => _lock.Dispose();

    private static FileStream Hold(string shown, string path)
    {
        try
        {
            // FileShare.None is an flock here: two processes cannot hold it, and it ends with the process.
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException busy) when (File.Exists(path) && !FailureClassifier.IsOutputFull(busy))
        {
            throw new OutputException($"another run is writing to '{shown}'; wait for it or choose another folder with --out", busy);
        }
    }
}
