namespace SlideMesh.Mesh.Cohort;

/// <summary>
/// What outputs show for a slide's file: one spelling whatever was typed, nothing of where the disk is mounted, and never the same
/// for two slides.
/// </summary>
internal static class ShownPaths
{
    /// <param name="fullPath">Absolute.</param>
    /// <param name="start">Folder that a relative input is relative to; null for an absolute input.</param>
    /// <param name="root">Absolute folder that the input stands for: the folder given, the file's, or the fixed part of a glob.</param>
    public static string Of(string fullPath, string? start, string root) =>
        Path.GetRelativePath(start ?? Path.GetDirectoryName(root) ?? root, fullPath);

    /// <summary>The same of two spellings for one file, whichever came first.</summary>
    public static string Preferred(string one, string other) =>
        one.Length != other.Length ? (one.Length < other.Length ? one : other)
        : string.CompareOrdinal(one, other) <= 0 ? one : other;

    /// <summary>Makes control characters visible, and paths that are shown the same longer by one folder after the other until they differ.</summary>
    /// <param name="slides">Absolute paths, all different, and what <see cref="Of"/> says of each.</param>
    public static string[] Distinct(IReadOnlyList<(string Full, string Shown)> slides)
    {
        string[] shown = [.. slides.Select(s => PlainText.Visible(s.Shown))];
        int[] parts = [.. shown.Select(s => s.Split(Path.DirectorySeparatorChar).Count(part => part != ".."))];
        while (true)
        {
            HashSet<string> clashing = [.. shown.GroupBy(s => s, StringComparer.Ordinal).Where(g => g.Count() > 1).Select(g => g.Key)];
            bool longer = false;
            for (int i = 0; i < shown.Length; i++)
            {
                string[] all = slides[i].Full.Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries);
                if (clashing.Contains(shown[i]) && parts[i] < all.Length)
                {
                    parts[i]++;
                    shown[i] = PlainText.Visible(string.Join(Path.DirectorySeparatorChar, all[^parts[i]..]));
                    longer = true;
                }
            }

            if (!longer)
            {
                return Numbered(slides, shown, clashing);
            }
        }
    }

    /// <summary>What is left differs in nothing but control characters.</summary>
    private static string[] Numbered(IReadOnlyList<(string Full, string Shown)> slides, string[] shown, HashSet<string> clashing)
    {
        HashSet<string> taken = new(shown, StringComparer.Ordinal);
        foreach (int i in Enumerable.Range(0, shown.Length).Where(i => clashing.Contains(shown[i])).OrderBy(i => slides[i].Full, StringComparer.Ordinal).ToArray())
        {
            string name = shown[i];
            for (int number = 1; !taken.Add(shown[i]); number++)
            {
                shown[i] = $"{name} ({number})";
            }
        }

        return shown;
    }
}
