using System.Globalization;
using System.IO.Enumeration;
using CsvHelper;
using SlideMesh.Slides;
using SlideMesh.Slides.Pyramid;

namespace SlideMesh.Mesh.Cohort;

/// <summary>Finds the slides of a run: files, folders (searched to any depth), globs, or a manifest.</summary>
public static class CohortReader
{
    /// <summary>Extensions that a folder search takes for slides. Files named directly are taken whatever they are called.</summary>
    public static readonly IReadOnlySet<string> SlideExtensions = new HashSet<string>(StringComparer.OrdinalIgnoreCase)
    {
        ".svs", ".tif", ".tiff", ".ndpi", ".vms", ".vmu", ".scn", ".mrxs", ".bif", ".svslide", ".dcm", ".czi",
    };

    private static readonly string[] PathColumns = ["slide", "path", "wsi", "filename", "file"];

    /// <param name="inputs">Files, folders and globs (<c>*</c>, <c>?</c> in the last part; <c>**</c> for any depth).</param>
    /// <param name="except">Folder in which searches find nothing: the run's own results, whose heatmaps are TIFFs too.</param>
    /// <returns>Slides ordered by id.</returns>
    /// <exception cref="CohortException">An input does not exist or names no slide.</exception>
    public static IReadOnlyList<CohortEntry> FromPaths(IReadOnlyList<string> inputs, string? except = null)
    {
        string? excluded = except is null ? null : Path.TrimEndingDirectorySeparator(Path.GetFullPath(except)) + Path.DirectorySeparatorChar;
        ArgumentNullException.ThrowIfNull(inputs);
        SortedDictionary<string, string> shownByFull = new(StringComparer.Ordinal);
        foreach (string input in inputs)
        {
            int before = shownByFull.Count;
            bool known = false;
            foreach (string file in Expand(input).Where(file => file == input || IsSlideOfOthers(file, excluded)))
            {
                known |= !shownByFull.TryAdd(Path.GetFullPath(file), file);
            }

            if (shownByFull.Count == before && !known)
            {
                throw new CohortException(
                    Directory.Exists(input) ? $"no slides in folder '{input}' (looked for {string.Join(' ', SlideExtensions.Order(StringComparer.Ordinal))})"
                    : input.AsSpan().IndexOfAny('*', '?') >= 0 ? $"no file matches '{input}'"
                    : $"'{input}' does not exist; check the path");
            }
        }

        string[] full = [.. shownByFull.Keys];
        IReadOnlyList<SlideId> ids = SlideIdAssigner.Assign(full);
        return Ordered(full.Select((path, i) => new CohortEntry
        {
            Id = ids[i],
            Path = shownByFull[path],
            FullPath = path,
            CaseId = ids[i].Value,
            OmicsId = ids[i].Value,
        }));
    }

    /// <summary>
    /// Reads a manifest: CSV with a column <c>slide</c> (also <c>path</c>, TRIDENT's <c>wsi</c>, STAMP's <c>FILENAME</c>) and any of
    /// slide_id, case_id (STAMP: PATIENT), mpp, omics_id, sex and label columns. Paths are relative to the manifest.
    /// </summary>
    public static IReadOnlyList<CohortEntry> FromManifest(string manifestPath)
    {
        if (!File.Exists(manifestPath))
        {
            throw new CohortException($"manifest '{manifestPath}' does not exist; check the path");
        }

        string root = Path.GetDirectoryName(Path.GetFullPath(manifestPath))!;
        using StreamReader reader = new(manifestPath);
        bool malformed = false;
        using CsvReader csv = CsvReader.Create(reader, CsvReaderOptions.Default with
        {
            TrimWhitespace = true,
            TrackLineNumbers = true,
            // A quote that is never closed would otherwise swallow every slide below it.
            AllowLineBreaksInQuotes = false,
            MalformedData = CsvMalformedDataHandling.Recover,
            OnMalformedRecord = _ => malformed = true,
        });
        string[] header = [.. csv.Headers.Select(name => name.Trim().ToLowerInvariant())];
        if (header.Length == 0)
        {
            throw new CohortException($"manifest '{manifestPath}' is empty; it needs a header with a column 'slide'");
        }

        string? repeated = header.Where(name => name.Length > 0).GroupBy(name => name, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1)?.Key;
        if (repeated is not null)
        {
            throw new CohortException($"manifest '{manifestPath}' has the column '{repeated}' twice; keep one");
        }

        int Column(params string[] names) => Array.FindIndex(header, name => names.Contains(name, StringComparer.Ordinal));
        int slideColumn = PathColumns.Select(name => Column(name)).FirstOrDefault(index => index >= 0, -1);
        if (slideColumn < 0)
        {
            throw new CohortException($"manifest '{manifestPath}' has no column 'slide'; its columns are {string.Join(", ", header)}");
        }

        int idColumn = Column("slide_id");
        int caseColumn = Column("case_id", "patient");
        int mppColumn = Column("mpp");
        int omicsColumn = Column("omics_id");
        HashSet<int> own = [slideColumn, idColumn, caseColumn, mppColumn, omicsColumn];

        List<(string Shown, string Full, string? Id, string? Case, string? Omics, double? Mpp, SortedDictionary<string, string> Others)> rows = [];
        while (csv.Read())
        {
            long line = csv.LineNumber;
            if (malformed || Enumerable.Range(0, csv.FieldCount).Skip(header.Length).Any(column => !string.IsNullOrWhiteSpace(csv.GetString(column))))
            {
                throw new CohortException(malformed
                    ? $"manifest '{manifestPath}' line {line}: a quote stands alone; quote the whole cell or leave the quote out"
                    : $"manifest '{manifestPath}' line {line} has {csv.FieldCount} cells where the header has {header.Length}; quote cells that hold the separator");
            }

            string? Cell(int column) => column < 0 || column >= csv.FieldCount || string.IsNullOrWhiteSpace(csv.GetString(column)) ? null : csv.GetString(column).Trim();
            string shown = Cell(slideColumn) ?? throw new CohortException($"manifest '{manifestPath}' line {line}: the slide column is empty");
            string? mppText = Cell(mppColumn);
            double? mpp = null;
            if (mppText is not null)
            {
                if (!double.TryParse(mppText, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) || !MicronsPerPixelResolver.IsPlausible(value))
                {
                    throw new CohortException($"manifest '{manifestPath}' line {line}: mpp '{mppText}' is not a number of µm per level-0 pixel between 0.02 and 20");
                }

                mpp = value;
            }

            SortedDictionary<string, string> rest = new(StringComparer.Ordinal);
            for (int column = 0; column < header.Length; column++)
            {
                if (!own.Contains(column) && Cell(column) is string text)
                {
                    rest[header[column]] = text;
                }
            }

            rows.Add((shown, Path.GetFullPath(shown, root), Cell(idColumn), Cell(caseColumn), Cell(omicsColumn), mpp, rest));
        }

        if (rows.Count == 0)
        {
            throw new CohortException($"manifest '{manifestPath}' names no slide");
        }

        string? twice = rows.GroupBy(r => r.Full, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1)?.First().Shown;
        if (twice is not null)
        {
            throw new CohortException($"manifest '{manifestPath}' names slide '{twice}' twice; keep one row");
        }

        IReadOnlyList<SlideId> assigned = SlideIdAssigner.Assign([.. rows.Select(r => r.Full)]);
        SlideId[] ids = [.. rows.Select((r, i) => r.Id is null ? assigned[i] : new SlideId(SlideIdAssigner.Safe(r.Id)))];
        string? clash = ids.GroupBy(id => id.Value, StringComparer.OrdinalIgnoreCase).FirstOrDefault(g => g.Count() > 1)?.Key;
        if (clash is not null)
        {
            throw new CohortException($"manifest '{manifestPath}' gives the slide_id '{clash}' to several slides; make them unique");
        }

        return Ordered(rows.Select((r, i) => new CohortEntry
        {
            Id = ids[i],
            Path = r.Shown,
            FullPath = r.Full,
            CaseId = r.Case ?? ids[i].Value,
            OmicsId = r.Omics ?? r.Case ?? ids[i].Value,
            MicronsPerPixel = r.Mpp,
            Covariates = r.Others,
        }));
    }

    private static IReadOnlyList<CohortEntry> Ordered(IEnumerable<CohortEntry> entries) =>
        [.. entries.OrderBy(e => e.Id.Value, StringComparer.Ordinal)];

    /// <summary>Searches pass over hidden files, as a shell's do: beside <c>a.svs</c> a Mac leaves <c>._a.svs</c>, which is no slide.</summary>
    private static bool IsSlideOfOthers(string file, string? excluded) =>
        !Path.GetFileName(file).StartsWith('.') && (excluded is null || !Path.GetFullPath(file).StartsWith(excluded, StringComparison.Ordinal));

    private static IEnumerable<string> Expand(string input)
    {
        if (File.Exists(input))
        {
            return [input];
        }

        if (Directory.Exists(input))
        {
            return Directory.EnumerateFiles(input, "*", SearchOption.AllDirectories)
                .Where(f => SlideExtensions.Contains(Path.GetExtension(f)))
                .Order(StringComparer.Ordinal);
        }

        if (input.AsSpan().IndexOfAny('*', '?') < 0)
        {
            return [];
        }

        // The fixed part up to the first wildcard is the folder to search; the whole pattern is matched against the path below it.
        string[] parts = input.Split('/');
        int firstWild = Array.FindIndex(parts, p => p.AsSpan().IndexOfAny('*', '?') >= 0);
        string root = firstWild == 0 ? "." : string.Join('/', parts[..firstWild]);
        if (root.Length == 0)
        {
            root = "/";
        }

        if (!Directory.Exists(root))
        {
            return [];
        }

        string[] pattern = parts[firstWild..];
        bool deep = pattern.Contains("**") || pattern.Length > 1;
        return Directory.EnumerateFiles(root, "*", deep ? SearchOption.AllDirectories : SearchOption.TopDirectoryOnly)
            .Where(f => Matches(Path.GetRelativePath(root, f).Split('/'), pattern))
            .Order(StringComparer.Ordinal);
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
