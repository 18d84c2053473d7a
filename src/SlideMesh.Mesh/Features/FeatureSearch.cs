using System.Text.Json;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Runs;
using SlideMesh.Reporting.Json;

namespace SlideMesh.Mesh.Features;

/// <summary>
/// Finds features files: in folders of results of this program by their layout, elsewhere at any depth by their names. Passed over are
/// hidden files, TRIDENT's and CLAM's folders of patches and TRIDENT's of slide-level vectors. A folder reached twice, by links, counts once.
/// </summary>
internal static class FeatureSearch
{
    public const string Extension = ".h5";

    /// <returns>Absolute paths with the slide's name, in ordinal order, and the folder that the input stands for.</returns>
    /// <exception cref="CohortException">The input does not exist, may not be read, or holds no features.</exception>
    public static (IReadOnlyList<(string File, string Slide)> Found, string Root) Expand(string input)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(input));
        if (File.Exists(full))
        {
            return Path.GetExtension(full).Equals(Extension, StringComparison.OrdinalIgnoreCase)
                ? ([(full, Path.GetFileNameWithoutExtension(full))], Path.GetDirectoryName(full)!)
                : throw new CohortException($"'{input}' is no features file that can be read: HDF5 with the extension {Extension} is needed");
        }

        if (!Directory.Exists(full))
        {
            throw new CohortException($"'{input}' does not exist; check the path");
        }

        try
        {
            List<(string, string)> found = [.. In(full, input, new HashSet<string>(StringComparer.Ordinal)).OrderBy(f => f.File, StringComparer.Ordinal)];
            return found.Count > 0
                ? (found, full)
                : throw new CohortException($"no features in folder '{input}' (looked for *{Extension} of SlideMesh, CLAM, TRIDENT and STAMP, to any depth)");
        }
        catch (UnauthorizedAccessException)
        {
            throw new CohortException($"folder '{input}' may not be read by this user; change its permissions");
        }
    }

    private static IEnumerable<(string File, string Slide)> In(string folder, string input, HashSet<string> seen)
    {
        string real = new DirectoryInfo(folder).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? folder;
        if (!seen.Add(real))
        {
            return [];
        }

        return VerbOf(folder) switch
        {
            RunVerb.Embed => Subfolders(folder).SelectMany(Subfolders).Where(f => Name(f).StartsWith("features_", StringComparison.Ordinal)).SelectMany(Files),
            RunVerb.Run => Subfolders(Path.Combine(folder, "slides")).SelectMany(OfRun),
            RunVerb.Predict => throw new CohortException($"'{input}' holds results of 'slidemesh predict', which have no features; name the folder of features"),
            _ => Files(folder).Concat(Subfolders(folder).Where(f => !IsOther(Name(f))).SelectMany(f => In(f, input, seen))),
        };
    }

    /// <summary>The command whose results a folder holds; null for any other folder.</summary>
    private static string? VerbOf(string folder)
    {
        if (!SlideSearch.HoldsResults(folder))
        {
            return null;
        }

        try
        {
            using FileStream stream = File.OpenRead(Path.Combine(folder, "run.json"));
            return ResultJson.ReadRun(stream).Command;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>STAMP's copies beside our own files hold the same numbers, rounded.</summary>
    private static IEnumerable<(string File, string Slide)> OfRun(string slide)
    {
        string features = Path.Combine(slide, "features");
        return !Directory.Exists(features)
            ? []
            : Files(features).Where(f => !f.File.EndsWith(".stamp" + Extension, StringComparison.Ordinal)).Select(f => (f.File, Name(slide)));
    }

    private static IEnumerable<(string File, string Slide)> Files(string folder) => Directory.EnumerateFiles(folder)
        .Where(f => !Name(f).StartsWith('.') && Path.GetExtension(f).Equals(Extension, StringComparison.OrdinalIgnoreCase) && !Name(f).EndsWith("_patches" + Extension, StringComparison.Ordinal))
        .Select(f => (f, Path.GetFileNameWithoutExtension(f)));

    private static IEnumerable<string> Subfolders(string folder) =>
        Directory.Exists(folder) ? Directory.EnumerateDirectories(folder).Where(f => !Name(f).StartsWith('.')).Order(StringComparer.Ordinal) : [];

    private static bool IsOther(string name) => name is "patches" or "masks" or "stitches" || name.StartsWith("slide_features_", StringComparison.Ordinal);

    private static string Name(string path) => Path.GetFileName(path);
}
