using SlideMesh.Mesh.Cohort;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Features;

/// <summary>Finds the slides of a run on features: files and folders of features, with a manifest and the slides themselves when they are given.</summary>
public static class FeatureCohortReader
{
    /// <param name="inputs">Features files and folders of them.</param>
    /// <param name="manifestPath">Cases and covariates by slide id. It then names the cohort: other features are left out, rows without features fail.</param>
    /// <param name="slideFolders">Where the slides are, for pictures. Found by slide id.</param>
    /// <exception cref="CohortException">Nothing usable was named.</exception>
    public static FeatureCohort Read(IReadOnlyList<string> inputs, string? manifestPath, IReadOnlyList<string> slideFolders, FeatureRules rules)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(slideFolders);
        ArgumentNullException.ThrowIfNull(rules);
        if (inputs.Count == 0)
        {
            throw new CohortException("no features given: name a folder of features, or files");
        }

        Dictionary<string, List<FeaturePath>> files = Find(inputs);
        List<string> notes = [];
        IReadOnlyList<CohortEntry> slides = manifestPath is null
            ? [.. files.Select(f => Entry(new SlideId(f.Key), f.Value[0]))]
            : FromManifest(manifestPath, files, notes);
        Dictionary<string, string> slidePaths = slideFolders.Count > 0 ? SlidePaths(slideFolders) : new(StringComparer.Ordinal);
        Dictionary<SlideId, FeatureInput> found = [];
        foreach (CohortEntry slide in slides)
        {
            string? name = NameOf(slide, files.ContainsKey);
            found[slide.Id] = new FeatureInput(name is null ? [] : files[name], NameOf(slide, slidePaths.ContainsKey) is { } at ? slidePaths[at] : null);
        }

        int without = found.Values.Count(input => input.SlidePath is null);
        if (slideFolders.Count > 0 && without > 0)
        {
            notes.Add($"{without} of {found.Count} slides are not in {string.Join(", ", slideFolders)}: they get no pictures");
        }

        return new FeatureCohort(
            [.. slides.Select(s => found[s.Id].Files is [var first, ..] ? s with { Path = first.Shown, FullPath = first.Full } : s).OrderBy(s => s.Id.Value, StringComparer.Ordinal)],
            found, rules, notes);
    }

    private static Dictionary<string, List<FeaturePath>> Find(IReadOnlyList<string> inputs)
    {
        string here = Directory.GetCurrentDirectory();
        SortedDictionary<string, (string Slide, string Shown)> byFull = new(StringComparer.Ordinal);
        foreach (string input in inputs)
        {
            (IReadOnlyList<(string File, string Slide)> found, string root) = FeatureSearch.Expand(input);
            foreach ((string file, string slide) in found)
            {
                string shown = ShownPaths.Of(file, Path.IsPathRooted(input) ? null : here, root);
                byFull[file] = (slide, byFull.TryGetValue(file, out (string Slide, string Shown) other) ? ShownPaths.Preferred(shown, other.Shown) : shown);
            }
        }

        string[] full = [.. byFull.Keys];
        string[] paths = ShownPaths.Distinct([.. byFull.Select(f => (f.Key, f.Value.Shown))]);
        Dictionary<string, List<FeaturePath>> bySlide = new(StringComparer.Ordinal);
        for (int i = 0; i < full.Length; i++)
        {
            string slide = SlideIdAssigner.Safe(byFull[full[i]].Slide);
            if (!bySlide.TryGetValue(slide, out List<FeaturePath>? list))
            {
                bySlide[slide] = list = [];
            }

            list.Add(new FeaturePath(full[i], paths[i]));
        }

        return bySlide;
    }

    private static IReadOnlyList<CohortEntry> FromManifest(string manifestPath, Dictionary<string, List<FeaturePath>> files, List<string> notes)
    {
        IReadOnlyList<CohortEntry> rows = CohortReader.FromManifest(manifestPath, withoutFiles: true);
        string[] used = [.. rows.Select(row => NameOf(row, files.ContainsKey)).OfType<string>()];
        if (used.Length == 0)
        {
            throw new CohortException(
                $"manifest '{manifestPath}' and the features have no slide in common: it names {rows[0].Id}, …, the features {files.Keys.Order(StringComparer.Ordinal).First()}, …");
        }

        string? twice = used.GroupBy(name => name, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1)?.Key;
        if (twice is not null)
        {
            throw new CohortException($"manifest '{manifestPath}' has several rows for the features of '{twice}'; keep one");
        }

        int left = files.Count - used.Length;
        if (left > 0)
        {
            notes.Add($"{left} of {files.Count} slides with features are not in '{manifestPath}' and are left out");
        }

        return rows;
    }

    /// <summary>
    /// The name by which a slide is known: its id, or its file's name without extension. Tables of PORPOISE's kind have the extension
    /// in their ids, and an id may have a folder in front where two slides share a name.
    /// </summary>
    private static string? NameOf(CohortEntry slide, Func<string, bool> exists)
    {
        string stem = SlideIdAssigner.Safe(Path.GetFileNameWithoutExtension(slide.FullPath));
        return exists(slide.Id.Value) ? slide.Id.Value : exists(stem) ? stem : null;
    }

    private static Dictionary<string, string> SlidePaths(IReadOnlyList<string> folders)
    {
        Dictionary<string, string> paths = new(StringComparer.Ordinal);
        foreach (CohortEntry slide in CohortReader.FromPaths(folders))
        {
            paths[slide.Id.Value] = slide.FullPath;
        }

        return paths;
    }

    private static CohortEntry Entry(SlideId id, FeaturePath file) => new()
    {
        Id = id,
        Path = file.Shown,
        FullPath = file.Full,
        CaseId = id.Value,
        OmicsId = id.Value,
    };
}
