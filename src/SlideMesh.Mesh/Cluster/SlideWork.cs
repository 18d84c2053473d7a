using System.Text.Json;
using SlideMesh.Mesh.Engine;
using SlideMesh.Reporting.OutputStore;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Cluster;

/// <summary>
/// The folder in which a slide is worked on before its results are published: <c>OUT/.work/&lt;run&gt;/&lt;slide&gt;</c> while its shards are made, and
/// <c>&lt;slide&gt;~&lt;token&gt;</c> while one coordinator or aggregator has it to itself. Whoever takes over renames it, so that every path of a node that
/// was taken for dead leads nowhere: what such a node still does cannot reach the slide's results.
/// </summary>
internal sealed class SlideWork
{
    private const char TokenMark = '~';

    /// <summary>Moves away with the folder; writing on at the old path does not bring it back.</summary>
    private const string HeldMark = ".held";

    private readonly string _shared;
    private readonly SlideFolder _final;
    private readonly SlideId _slide;

    /// <summary>The folder was another holder's before, and not made here.</summary>
    private readonly bool _wasTaken;

    private SlideWork(string shared, string folder, SlideFolder final, SlideId slide, bool wasTaken)
    {
        _wasTaken = wasTaken;
        _shared = shared;
        _final = final;
        _slide = slide;
        Folder = SlideFolder.At(folder, slide);
    }

    /// <summary>This holder's own folder; valid until <see cref="Share"/> or <see cref="Publish"/>.</summary>
    public SlideFolder Folder { get; private set; }

    /// <summary>Where the shards of a run's slides lie.</summary>
    public static SlideFolder SharedFolder(string outputRoot, string run, SlideId slide) =>
        SlideFolder.At(Path.Combine(outputRoot, ".work", run, slide.Value), slide);

    /// <summary>The folder is another holder's now, whatever may lie at its path again.</summary>
    public bool IsTaken => !File.Exists(Path.Combine(Folder.Root, HeldMark));

    /// <summary>Takes the slide's folder from whoever had it, or makes one.</summary>
    /// <param name="create">Make one where there is none, with what an earlier run left in the slide's results; otherwise null is returned.</param>
    public static SlideWork? Begin(string outputRoot, string run, SlideId slide, bool create)
    {
        string shared = SharedFolder(outputRoot, run, slide).Root;
        SlideFolder final = new(outputRoot, slide);
        string parent = Path.GetDirectoryName(shared)!;
        string own = $"{shared}{TokenMark}{Guid.NewGuid():N}";
        string[] found = Directory.Exists(parent)
            ? [.. Directory.EnumerateDirectories(parent, slide.Value + "*").Where(f => f == shared || IsPrivate(f, slide))]
            : [];
        // The folder that was shared last holds the shards; else the one that got furthest. The rest are leftovers of nodes that came late.
        string? best = found.OrderByDescending(f => f == shared).ThenByDescending(f => File.Exists(Path.Combine(f, "ledger.json"))).FirstOrDefault();
        if (best is not null)
        {
            try
            {
                Directory.Move(best, own);
                File.WriteAllBytes(Path.Combine(own, HeldMark), []);
            }
            catch (DirectoryNotFoundException)
            {
                throw new IOException($"the work folder of slide '{slide}' passed to another node");
            }

            foreach (string leftover in found.Where(f => f != best))
            {
                Remove(leftover);
            }

            return new SlideWork(shared, own, final, slide, wasTaken: true);
        }

        if (!create)
        {
            return null;
        }

        Directory.CreateDirectory(own);
        File.WriteAllBytes(Path.Combine(own, HeldMark), []);
        Seed(final, own);
        return new SlideWork(shared, own, final, slide, wasTaken: false);
    }

    /// <summary>The plan is complete: shards may come.</summary>
    /// <exception cref="ClaimLostException">Another holder took over.</exception>
    public void Share()
    {
        try
        {
            Directory.Move(Folder.Root, _shared);
        }
        catch (IOException) when (!Directory.Exists(Folder.Root) || Directory.Exists(_shared))
        {
            throw new ClaimLostException();
        }

        Folder = SlideFolder.At(_shared, _slide);
    }

    /// <summary>
    /// Moves every file into the slide's results, the ledger last, and removes what an earlier result left there. Stopped half-way, it leaves
    /// results without a ledger that holds for them, and whoever comes next makes them again.
    /// </summary>
    /// <param name="withShards">Also the shards: a slide that failed keeps them, as in a run on one machine.</param>
    /// <exception cref="ClaimLostException">Another holder took over.</exception>
    public void Publish(bool withShards)
    {
        string shards = Folder.Shards + Path.DirectorySeparatorChar;
        string[] files;
        try
        {
            files =
            [
                .. Directory.EnumerateFiles(Folder.Root, "*", SearchOption.AllDirectories)
                    .Where(f => withShards || !f.StartsWith(shards, StringComparison.Ordinal))
                    .Where(f => Path.GetFileName(f) != HeldMark && !Path.GetFileName(f).StartsWith(AtomicFile.TemporaryPrefix, StringComparison.Ordinal))
                    .OrderBy(f => f == Folder.Ledger ? 2 : f == Folder.Predictions ? 1 : 0).ThenBy(f => f, StringComparer.Ordinal),
            ];
        }
        catch (DirectoryNotFoundException)
        {
            throw new ClaimLostException();
        }

        string[] names = [.. files.Select(f => Path.GetRelativePath(Folder.Root, f))];
        string[] stale = [.. Stale(names)];
        try
        {
            foreach (string name in names)
            {
                string target = Path.Combine(_final.Root, name);
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.Move(Path.Combine(Folder.Root, name), target, overwrite: true);
            }
        }
        catch (Exception gone) when (gone is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ClaimLostException();
        }

        foreach (string name in stale)
        {
            File.Delete(Path.Combine(_final.Root, name));
        }

        Remove(Folder.Root);
    }

    /// <summary>
    /// What a holder leaves that was overtaken. It may have taken the folder from its successor, whose shards are being made in it: then the
    /// folder goes back to where they look for it.
    /// </summary>
    public void Discard()
    {
        if (Folder.Root == _shared)
        {
            return;
        }

        if (!_wasTaken)
        {
            Remove(Folder.Root);
            return;
        }

        try
        {
            Directory.Move(Folder.Root, _shared);
        }
        catch (IOException)
        {
            // Taken back already, or the successor has shared another one: leftovers are removed by whoever takes the slide's folder next.
        }
    }

    /// <summary>The slide needs no work.</summary>
    public void Remove() => Remove(Folder.Root);

    /// <summary>Removes what is left of a run's work.</summary>
    public static void Clear(string outputRoot, string run)
    {
        string work = Path.Combine(outputRoot, ".work");
        Remove(Path.Combine(work, run));
        try
        {
            if (Directory.Exists(work) && !Directory.EnumerateFileSystemEntries(work).Any())
            {
                Directory.Delete(work);
            }
        }
        catch (IOException)
        {
            // Another run began in it meanwhile.
        }
    }

    /// <summary>Files of the slide's earlier result that the new one does not have.</summary>
    private IEnumerable<string> Stale(string[] names)
    {
        HashSet<string> kept = [.. names];
        IEnumerable<string> pictures = new[] { _final.Heatmaps, _final.TopTiles }.Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
            .Select(f => Path.GetRelativePath(_final.Root, f));
        return StageLedger.FilesOf(_final).Concat(pictures).Distinct(StringComparer.Ordinal)
            .Where(name => !kept.Contains(name) && File.Exists(Path.Combine(_final.Root, name)));
    }

    private static bool IsPrivate(string folder, SlideId slide)
    {
        string name = Path.GetFileName(folder);
        return name.Length == slide.Value.Length + 33 && name[slide.Value.Length] == TokenMark;
    }

    /// <summary>A slide that an earlier run finished in parts starts from these: its features need not be made again for a new head.</summary>
    private static void Seed(SlideFolder final, string own)
    {
        if (!File.Exists(final.Ledger))
        {
            return;
        }

        foreach (string name in StageLedger.FilesOf(final).Append("ledger.json"))
        {
            string from = Path.Combine(final.Root, name);
            if (File.Exists(from))
            {
                string to = Path.Combine(own, name);
                Directory.CreateDirectory(Path.GetDirectoryName(to)!);
                File.Copy(from, to);
            }
        }
    }

    /// <summary>A node that comes late may write into the folder while it is removed.</summary>
    private static void Remove(string folder)
    {
        for (int attempt = 0; Directory.Exists(folder) && attempt < 5; attempt++)
        {
            try
            {
                Directory.Delete(folder, recursive: true);
            }
            catch (IOException)
            {
                // Tried again; what stays is removed with the run's work.
            }
        }
    }
}
