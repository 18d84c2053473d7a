using System.Security.Cryptography;
using CsvHelper;

namespace SlideMesh.Cli.Tests;

/// <summary>What a run left: every file but those that tell of the run itself (timings, log, lock).</summary>
internal sealed class OutputTree(string root)
{
    private static readonly HashSet<string> OfTheRun = ["timings.csv", "run.log", ".lock"];

    public string Root => root;

    public SortedDictionary<string, string> Contents() => new(
        All().Where(file => !OfTheRun.Contains(file)).ToDictionary(file => file, file => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(At(file))))),
        StringComparer.Ordinal);

    public IEnumerable<string> All() =>
        Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(root, file)).Order(StringComparer.Ordinal);

    public string At(string file) => Path.Combine(root, file);

    /// <summary>When files of <paramref name="folder"/> were written, by name.</summary>
    public Dictionary<string, DateTime> Written(string folder, string pattern = "*") =>
        Directory.EnumerateFiles(At(folder), pattern, SearchOption.AllDirectories).ToDictionary(f => f, File.GetLastWriteTimeUtc);

    public IReadOnlyList<Dictionary<string, string>> Table(string name)
    {
        using CsvReader csv = CsvReader.FromFile(At(name), CsvReaderOptions.Default with { Separator = ',' });
        List<Dictionary<string, string>> rows = [];
        while (csv.Read())
        {
            rows.Add(csv.Headers.Select((header, i) => (header, Cell: csv.GetString(i))).ToDictionary(c => c.header, c => c.Cell));
        }

        return rows;
    }

    public Dictionary<string, string> Slide(string id) => Assert.Single(Table("slides.csv"), row => row["slide_id"] == id);

    /// <summary>Same files, same bytes.</summary>
    public void AssertSameAs(OutputTree expected)
    {
        SortedDictionary<string, string> wanted = expected.Contents();
        SortedDictionary<string, string> found = Contents();
        string[] differences =
        [
            .. wanted.Keys.Except(found.Keys).Select(f => "missing: " + f),
            .. found.Keys.Except(wanted.Keys).Select(f => "too much: " + f),
            .. found.Keys.Intersect(wanted.Keys).Where(f => found[f] != wanted[f]).Select(f => "different: " + f),
        ];
        Assert.True(differences.Length == 0, string.Join('\n', differences));
        Assert.NotEmpty(found);
    }
}
