using System.Text.Json;
using System.Text.Json.Serialization;

namespace SlideMesh.Reporting.OutputStore;

/// <summary>
/// What is finished for one slide: for each stage the key of its inputs and the length and SHA-256 of every file that it wrote.
/// A stage counts as done only when its key is the one wanted now and every file still has the recorded content.
/// The ledger is written by one actor at a time (coordinator, then aggregator of the same slide), which holds the object for one message:
/// files found intact are not hashed again until a stage is written or dropped.
/// </summary>
public sealed class StageLedger
{
    private readonly SlideFolder _folder;
    private readonly SortedDictionary<string, StageRecord> _stages;

    // Stages whose files all had the recorded content when they were asked for.
    private readonly HashSet<string> _intact = new(StringComparer.Ordinal);

    private StageLedger(SlideFolder folder, SortedDictionary<string, StageRecord> stages)
    {
        _folder = folder;
        _stages = stages;
    }

    /// <summary>Reads the ledger; a missing or damaged one is empty, so that the work is done again.</summary>
    public static StageLedger Open(SlideFolder folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        SortedDictionary<string, StageRecord> stages = new(StringComparer.Ordinal);
        if (File.Exists(folder.Ledger))
        {
            try
            {
                using FileStream stream = File.OpenRead(folder.Ledger);
                foreach (StageRecord record in JsonSerializer.Deserialize(stream, LedgerJson.Default.StageRecordArray) ?? [])
                {
                    stages[record.Stage] = record.Files.All(file => file is { Path: not null, Sha256: not null })
                        ? record
                        : throw new JsonException("a file without a name or hash");
                }
            }
            catch (Exception damaged) when (damaged is JsonException or ArgumentNullException or NullReferenceException)
            {
                stages.Clear();
            }
        }

        return new StageLedger(folder, stages);
    }

    /// <summary>Whether <paramref name="stage"/> was finished with <paramref name="key"/> and all of its files are intact.</summary>
    public bool IsDone(string stage, string key)
    {
        if (!_stages.TryGetValue(stage, out StageRecord? record) || record.Key != key)
        {
            return false;
        }

        if (_intact.Contains(stage))
        {
            return true;
        }

        foreach (FileRecord file in record.Files)
        {
            FileInfo info = new(Path.Combine(_folder.Root, file.Path));
            if (!info.Exists || info.Length != file.Bytes || AtomicFile.Sha256(info.FullName) != file.Sha256)
            {
                return false;
            }
        }

        _intact.Add(stage);
        return true;
    }

    /// <summary>
    /// Records <paramref name="stage"/> as finished and writes the ledger. Files of the stage's earlier outcome that it did not write
    /// again are deleted: beside the new ones they would look as if they belonged to them.
    /// </summary>
    /// <param name="paths">Files that the stage wrote, all of them the slide's own (<see cref="SlideFolder.Owns"/>).</param>
    public void MarkDone(string stage, string key, IEnumerable<string> paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        // All of them: stages may share a file.
        _intact.Clear();
        FileRecord[] files = [.. paths
            .Select(path => new FileRecord(_folder.RelativeName(path), new FileInfo(path).Length, AtomicFile.Sha256(path)))
            .OrderBy(file => file.Path, StringComparer.Ordinal)];
        Delete(stage, except: [.. files.Select(file => file.Path)]);
        _stages[stage] = new StageRecord(stage, key, files);
        Save();
    }

    /// <summary>Files that a slide's ledger names, relative to its folder; none when it has no ledger that can be read.</summary>
    public static IReadOnlyList<string> FilesOf(SlideFolder folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        return
        [
            .. Open(folder)._stages.Values.SelectMany(stage => stage.Files).Select(file => file.Path).Distinct(StringComparer.Ordinal)
                // A ledger is a file like any other: what it names outside of the slide's folder is not the slide's.
                .Where(path => folder.Owns(Path.GetFullPath(Path.Combine(folder.Root, path)))),
        ];
    }

    /// <summary>Whether <paramref name="stage"/> was finished once, from whatever inputs; its files are not looked at.</summary>
    public bool Names(string stage) => _stages.ContainsKey(stage);

    /// <summary>Length of all files that a finished stage wrote; 0 when it is not recorded.</summary>
    public long Bytes(string stage) => _stages.TryGetValue(stage, out StageRecord? record) ? record.Files.Sum(file => file.Bytes) : 0;

    /// <summary>Forgets stages whose names are not in <paramref name="stages"/> (another model set, say) and deletes their files.</summary>
    public void Keep(IReadOnlySet<string> stages)
    {
        string[] gone = [.. _stages.Keys.Where(name => !stages.Contains(name))];
        if (gone.Length == 0)
        {
            return;
        }

        _intact.Clear();
        foreach (string name in gone)
        {
            Delete(name, except: []);
            _stages.Remove(name);
        }

        Save();
    }

    private void Delete(string stage, HashSet<string> except)
    {
        if (!_stages.TryGetValue(stage, out StageRecord? record))
        {
            return;
        }

        HashSet<string> elsewhere = [.. _stages.Where(s => s.Key != stage).SelectMany(s => s.Value.Files).Select(f => f.Path)];
        foreach (FileRecord file in record.Files.Where(f => !except.Contains(f.Path) && !elsewhere.Contains(f.Path)))
        {
            string path = Path.GetFullPath(Path.Combine(_folder.Root, file.Path));
            if (_folder.Owns(path) && File.Exists(path))
            {
                File.Delete(path);
            }
        }
    }

    private void Save() =>
        AtomicFile.WriteBytes(_folder.Ledger, JsonSerializer.SerializeToUtf8Bytes([.. _stages.Values], LedgerJson.Default.StageRecordArray));
}

/// <param name="Stage">e.g. <c>plan</c>, <c>features/demo-encoder</c>, <c>result</c>.</param>
/// <param name="Key">SHA-256 over everything that the stage's outputs depend on.</param>
public sealed record StageRecord(string Stage, string Key, FileRecord[] Files);

public sealed record FileRecord(string Path, long Bytes, string Sha256);

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(StageRecord[]))]
internal sealed partial class LedgerJson : JsonSerializerContext;
