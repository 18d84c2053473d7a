using System.Security.Cryptography;
using System.Text;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Cohort;

/// <summary>
/// Slide ids from file names. Ids depend on the set of paths only, never on their order: where two folders hold the same name,
/// every one of them gets its folder's name in front, then its extension, then a hash of its path behind, short, then long, until all differ.
/// The path that is hashed starts at the folder that all slides have in common, so that the same slides on another mount point keep their ids.
/// </summary>
public static class SlideIdAssigner
{
    // Leaves room for ".tmp-…" and stream names within the 255 bytes of common file systems.
    private const int MaximumLength = 120;

    /// <returns>One id per path, in the order of <paramref name="fullPaths"/>.</returns>
    public static IReadOnlyList<SlideId> Assign(IReadOnlyList<string> fullPaths)
    {
        ArgumentNullException.ThrowIfNull(fullPaths);
        int common = CommonFolderLength(fullPaths);
        Func<string, string>[] rungs =
        [
            path => Path.GetFileNameWithoutExtension(path),
            path => $"{Folder(path)}__{Path.GetFileNameWithoutExtension(path)}",
            path => $"{Folder(path)}__{Path.GetFileName(path)}",
            path => $"{Path.GetFileNameWithoutExtension(path)}-{Hash(path[common..])}",
            path => LongHash(path[common..]),
        ];

        string[] ids = [.. fullPaths.Select(path => Safe(rungs[0](path)))];
        for (int rung = 1; rung < rungs.Length; rung++)
        {
            HashSet<string> clashing = [.. ids.GroupBy(id => id, StringComparer.OrdinalIgnoreCase).Where(g => g.Count() > 1).Select(g => g.Key.ToUpperInvariant())];
            if (clashing.Count == 0)
            {
                break;
            }

            for (int i = 0; i < ids.Length; i++)
            {
                if (clashing.Contains(ids[i].ToUpperInvariant()))
                {
                    ids[i] = Safe(rungs[rung](fullPaths[i]));
                }
            }
        }

        return [.. ids.Select(id => new SlideId(id))];
    }

    /// <summary>Makes a text safe as a folder name on any file system: letters, digits, '.', '_' and '-', never empty, never a leading dot.</summary>
    public static string Safe(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        StringBuilder safe = new(text.Length);
        bool changed = false;
        foreach (char c in text)
        {
            bool allowed = char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-';
            changed |= !allowed;
            safe.Append(allowed ? c : '_');
        }

        string id = safe.ToString().TrimStart('.', '-').TrimEnd('.');
        if (id.Length == 0)
        {
            return "slide-" + Hash(text);
        }

        // Different names may become equal, or too long: the hash keeps them apart.
        bool tooLong = id.Length > MaximumLength;
        string stem = tooLong ? id[..(MaximumLength - 9)] : id;
        return tooLong || (changed && !IsPlainReplacement(text)) ? $"{stem}-{Hash(text)}" : stem;
    }

    // Spaces are the one replacement that keeps a name recognisable without a hash.
    private static bool IsPlainReplacement(string text) =>
        text.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' or ' ');

    private static string Folder(string path) => new DirectoryInfo(Path.GetDirectoryName(path) ?? "root").Name;

    /// <summary>Characters of the longest folder that every path lies below, its separator included; 0 when there is none.</summary>
    private static int CommonFolderLength(IReadOnlyList<string> paths)
    {
        if (paths.Count == 0)
        {
            return 0;
        }

        int length = paths[0].LastIndexOf(Path.DirectorySeparatorChar) + 1;
        foreach (string path in paths)
        {
            int same = path.AsSpan().CommonPrefixLength(paths[0].AsSpan(0, length));
            length = path.AsSpan(0, same).LastIndexOf(Path.DirectorySeparatorChar) + 1;
        }

        return length;
    }

    private static string Hash(string text) => LongHash(text)[..8];

    private static string LongHash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
