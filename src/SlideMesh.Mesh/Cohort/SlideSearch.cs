using System.IO.Enumeration;
using System.Text;

namespace SlideMesh.Mesh.Cohort;

/// <summary>
/// Finds slide files in folders and by globs. Searches pass over hidden files, as a shell's do (beside <c>a.svs</c> a Mac leaves
/// <c>._a.svs</c>, which is no slide), over folders that this user may not read (<c>lost+found</c>), and over results of SlideMesh,
/// whose heatmaps are TIFFs too.
/// </summary>
internal static class SlideSearch
{
    /// <summary>Of <c>run.json</c>: holds its format, which comes first.</summary>
    private const int FormatBytes = 256;

    /// <param name="except">Folder in which searches find nothing, whatever it holds; null for none.</param>
    /// <returns>Absolute paths in ordinal order, and the absolute folder that the input stands for; empty when the input finds nothing.</returns>
    public static (IReadOnlyList<string> Files, string Root) Expand(string input, string? except)
    {
        if (File.Exists(input))
        {
            string file = Path.GetFullPath(input);
            return ([file], Path.GetDirectoryName(file)!);
        }

        if (Directory.Exists(input))
        {
            string folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(input));
            return ([.. Slides(folder, deep: true, except)], folder);
        }

        if (input.AsSpan().IndexOfAny('*', '?') < 0)
        {
            return ([], input);
        }

        // The fixed part up to the first wildcard is the folder to search; the whole pattern is matched against the path below it.
        string[] parts = [.. input.Split('/').Where((part, i) => i == 0 || part is not ("" or "."))];
        int firstWild = Array.FindIndex(parts, p => p.AsSpan().IndexOfAny('*', '?') >= 0);
        string root = firstWild == 0 ? "." : string.Join('/', parts[..firstWild]);
        root = Path.GetFullPath(root.Length == 0 ? "/" : root);
        string[] pattern = parts[firstWild..];
        bool deep = pattern.Contains("**") || pattern.Length > 1;
        return ([.. Files(root, deep, except).Where(f => Matches(Path.GetRelativePath(root, f).Split('/'), pattern))], root);
    }

    /// <summary>Files in a folder that are slides by their extension, in ordinal order of their absolute paths.</summary>
    public static IEnumerable<string> Slides(string folder, bool deep, string? except = null) =>
        Files(folder, deep, except).Where(f => CohortReader.SlideExtensions.Contains(Path.GetExtension(f)));

    /// <summary>Whether a search of the folder finds nothing because it is, or lies in, a folder of results.</summary>
    public static bool IsInResults(string folder, string? except)
    {
        for (string? at = folder; at is not null; at = Path.GetDirectoryName(at))
        {
            if (at == except || HoldsResults(at))
            {
                return true;
            }
        }

        return false;
    }

    private static IEnumerable<string> Files(string root, bool deep, string? except)
    {
        if (!Directory.Exists(root) || IsInResults(root, except))
        {
            return [];
        }

        EnumerationOptions options = new() { RecurseSubdirectories = deep, IgnoreInaccessible = true, AttributesToSkip = FileAttributes.None };
        return new FileSystemEnumerable<string>(root, (ref FileSystemEntry entry) => entry.ToFullPath(), options)
        {
            ShouldIncludePredicate = (ref FileSystemEntry entry) => !entry.IsDirectory && !entry.FileName.StartsWith('.'),
            ShouldRecursePredicate = (ref FileSystemEntry entry) => entry.ToFullPath() is var folder && folder != except && !HoldsResults(folder),
        }.Order(StringComparer.Ordinal);
    }

    /// <summary>Its layout alone is not enough: a study may well keep a <c>run.json</c> of another tool beside its <c>slides/</c>.</summary>
    internal static bool HoldsResults(string folder)
    {
        string run = Path.Combine(folder, "run.json");
        if (!File.Exists(run) || !Directory.Exists(Path.Combine(folder, "slides")))
        {
            return false;
        }

        try
        {
            using FileStream file = new(run, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            byte[] start = new byte[FormatBytes];
            int length = file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
            return Encoding.UTF8.GetString(start, 0, length).Contains("slidemesh-run/", StringComparison.Ordinal);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }

    private static bool Matches(ReadOnlySpan<string> path, ReadOnlySpan<string> pattern)
    {
        if (pattern.IsEmpty)
        {
            return path.IsEmpty;
        }

        if (pattern[0] == "**")
        {
            for (int skip = 0; skip <= path.Length; skip++)
            {
                if (Matches(path[skip..], pattern[1..]))
                {
                    return true;
                }
            }

            return false;
        }

        return !path.IsEmpty && FileSystemName.MatchesSimpleExpression(pattern[0], path[0], ignoreCase: false) && Matches(path[1..], pattern[1..]);
    }
}
