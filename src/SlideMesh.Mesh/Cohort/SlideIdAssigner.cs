using System.Security.Cryptography;
using System.Text;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Cohort;

/// <summary>
/// Slide ids from file names. Ids depend on the set of paths only, never on their order: where two folders hold the same name,
/// every one of them gets its folder's name in front, then its extension, then a hash of its path behind, short, then long, until all differ.
/// </summary>
public static class SlideIdAssigner
{
    // Leaves room for ".tmp-…" and stream names within the 255 bytes of common file systems.
    private const int MaximumLength = 120;

    /// <returns>One id per path, in the order of <paramref name="fullPaths"/>.</returns>
    public static IReadOnlyList<SlideId> Assign(IReadOnlyList<string> fullPaths)
    {
        ArgumentNullException.ThrowIfNull(fullPaths);
        Func<string, string>[] rungs =
        [
            path => Path.GetFileNameWithoutExtension(path),
            path => $"{Folder(path)}__{Path.GetFileNameWithoutExtension(path)}",
            path => $"{Folder(path)}__{Path.GetFileName(path)}",
            path => $"{Path.GetFileNameWithoutExtension(path)}-{Hash(path)}",
            path => LongHash(path),
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

    private static string Hash(string text) => LongHash(text)[..8];

    private static string LongHash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
