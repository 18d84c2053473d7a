using System.Text.Json;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Engine;
using SlideMesh.Reporting.Json;
using SlideMesh.Reporting.OutputStore;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Runs;

/// <summary>The output folder of a run, held by one process at a time. The lock is the kernel's: a killed process never leaves a stale one.</summary>
public sealed class RunStore : IDisposable
{
    private readonly FileStream _lock;
    private readonly Func<SlideId, SlideFolder> _place;

    private RunStore(string root, FileStream held, FlatLayout? layout, Func<SlideId, SlideFolder>? place = null)
    {
        Root = root;
        Layout = layout;
        _lock = held;
        _place = place ?? (slide => new SlideFolder(root, slide, layout));
        IsShared = place is not null;
    }

    /// <summary>Slides are worked on in folders that another node may take over.</summary>
    public bool IsShared { get; }

    public string Root { get; }

    /// <summary>Where features lie for other tools; null when they lie in the slides' folders.</summary>
    public FlatLayout? Layout { get; }

    public string RunJson => Path.Combine(Root, "run.json");

    public string SlidesCsv => Path.Combine(Root, "slides.csv");

    public string FailuresCsv => Path.Combine(Root, "failures.csv");

    public string TimingsCsv => Path.Combine(Root, "timings.csv");

    public string Report => Path.Combine(Root, "report.html");

    public string Log => Path.Combine(Root, "run.log");

    public SlideFolder Slide(SlideId slide) => _place(slide);

    /// <summary>The same store with slides in other folders: where a cluster works on them. Lives as long as this one.</summary>
    public RunStore Placing(Func<SlideId, SlideFolder> place) => new(Root, _lock, Layout, place);

    /// <summary>Creates the folder when needed, proves that it can be written, and takes it for this process.</summary>
    /// <param name="verb">The command that writes it; each has a layout of its own, and a folder belongs to one of them.</param>
    /// <param name="layout">Where features lie for other tools.</param>
    /// <exception cref="OutputException">It cannot be created, written or locked, or holds the results of another command.</exception>
    public static RunStore Open(string root, string verb = RunVerb.Run, FlatLayout? layout = null)
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
                RefuseOther(root, full, verb);
                // A real byte: creating an empty file succeeds on a full disk.
                AtomicFile.WriteBytes(Path.Combine(full, ".writable"), new byte[4096]);
                File.Delete(Path.Combine(full, ".writable"));
                RemoveLeftovers(full, SearchOption.TopDirectoryOnly);
            }
            catch
            {
                held.Dispose();
                throw;
            }

            return new RunStore(full, held, layout);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw Unusable(root, failed);
        }
    }

    /// <summary>
    /// As <see cref="Open"/>, for one of many nodes: they hold the folder together, and keep out a run that wants it for itself.
    /// </summary>
    /// <exception cref="OutputException">It cannot be created, written or locked.</exception>
    public static RunStore Share(string root)
    {
        string full = Path.GetFullPath(root);
        try
        {
            Directory.CreateDirectory(full);
            string path = Path.Combine(full, ".lock");
            if (!File.Exists(path))
            {
                using FileStream created = new(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite);
            }

            RefuseOther(root, full, RunVerb.Run);
            try
            {
                // A reader that lets others read is an flock that is shared.
                return new RunStore(full, new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read), layout: null);
            }
            catch (IOException busy) when (File.Exists(path) && !FailureClassifier.IsOutputFull(busy))
            {
                throw new OutputException($"another run is writing to '{root}'; wait for it or choose another folder with --out", busy);
            }
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw Unusable(root, failed);
        }
    }

    /// <summary>Words a failure to write in the folder.</summary>
    public static OutputException Unusable(string root, Exception failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        string line = failure is UnauthorizedAccessException ? $"output folder '{root}' cannot be written: {failure.Message.TrimEnd('.')}; choose another with --out or change its permissions"
            : FailureClassifier.IsOutputFull(failure) ? $"output folder '{root}' is full or read-only: {failure.Message.TrimEnd('.')}; free space or choose another with --out"
            : FileAbove(root) is { } file ? $"output folder '{root}' cannot be made: '{file}' is a file; choose another with --out"
            : $"output folder '{root}' cannot be used: {failure.Message.TrimEnd('.')}; choose another with --out";
        return new OutputException(line, failure);
    }

    private static string? FileAbove(string root)
    {
        string? above = Path.GetDirectoryName(root);
        while (!string.IsNullOrEmpty(above) && !File.Exists(above))
        {
            above = Path.GetDirectoryName(above);
        }

        return string.IsNullOrEmpty(above) ? null : above;
    }

    /// <summary>Removes temporary files that a killed process left in a slide's folder.</summary>
    public static void RemoveLeftovers(SlideFolder folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        if (Directory.Exists(folder.Root))
        {
            RemoveLeftovers(folder.Root, SearchOption.AllDirectories);
        }

        foreach (string leftover in folder.LeftoversElsewhere().Where(File.Exists))
        {
            File.Delete(leftover);
        }
    }

    /// <summary>Removes what a finished slide needs no more.</summary>
    public static void RemoveShards(SlideFolder folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        if (Directory.Exists(folder.Shards))
        {
            Directory.Delete(folder.Shards, recursive: true);
        }
    }

    public void Dispose() => _lock.Dispose();

    /// <summary>Two commands in one folder would delete each other's files as left over from other parameters.</summary>
    private static void RefuseOther(string shown, string root, string verb)
    {
        string path = Path.Combine(root, "run.json");
        if (!File.Exists(path))
        {
            return;
        }

        try
        {
            using FileStream stream = File.OpenRead(path);
            string other = ResultJson.ReadRun(stream).Command;
            if (other != verb)
            {
                throw new OutputException($"'{shown}' holds results of 'slidemesh {PlainText.OneLine(other)}'; choose another folder with --out");
            }
        }
        catch (JsonException)
        {
            // Another version's, or damaged: it is written again.
        }
    }

    private static void RemoveLeftovers(string root, SearchOption depth)
    {
        foreach (string leftover in Directory.EnumerateFiles(root, AtomicFile.TemporaryPrefix + "*", depth))
        {
            File.Delete(leftover);
        }
    }

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
