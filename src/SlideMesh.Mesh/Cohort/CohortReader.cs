using System.Globalization;
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
        ArgumentNullException.ThrowIfNull(inputs);
        string? excluded = except is null ? null : Path.TrimEndingDirectorySeparator(Path.GetFullPath(except));
        string here = Directory.GetCurrentDirectory();
        SortedDictionary<string, string> shownByFull = new(StringComparer.Ordinal);
        foreach (string input in inputs)
        {
            (IReadOnlyList<string> files, string root) = SlideSearch.Expand(input, excluded);
            if (files.Count == 0)
            {
                throw NothingFound(input, root, excluded);
            }

            foreach (string file in files)
            {
                string shown = ShownPaths.Of(file, Path.IsPathRooted(input) ? null : here, root);
                shownByFull[file] = shownByFull.TryGetValue(file, out string? other) ? ShownPaths.Preferred(shown, other) : shown;
            }
        }

        string[] full = [.. shownByFull.Keys];
        string[] paths = ShownPaths.Distinct([.. shownByFull.Select(s => (s.Key, s.Value))]);
        IReadOnlyList<SlideId> ids = SlideIdAssigner.Assign(full);
        return Ordered(full.Select((path, i) => new CohortEntry
        {
            Id = ids[i],
            Path = paths[i],
            FullPath = path,
            CaseId = ids[i].Value,
            OmicsId = ids[i].Value,
        }));
    }

    /// <summary>
    /// Reads a manifest: CSV with a column <c>slide</c> (also <c>path</c>, TRIDENT's <c>wsi</c>, STAMP's <c>FILENAME</c>) and any of
    /// slide_id, case_id (STAMP: PATIENT), mpp, omics_id, sex and label columns. Paths are relative to the manifest. Without a column of
    /// paths, slides are looked for by slide_id beside the manifest and in <c>slides/</c> beside it, as tables of CLAM and its kin mean it.
    /// </summary>
    /// <param name="withoutFiles">The slides' files need not be there: their ids alone count, as for features that exist already.</param>
    /// <exception cref="CohortException">The manifest cannot be read or used; the line says where and why.</exception>
    public static IReadOnlyList<CohortEntry> FromManifest(string manifestPath, bool withoutFiles = false)
    {
        try
        {
            return ReadManifest(manifestPath, withoutFiles);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new CohortException($"manifest '{manifestPath}' cannot be read: {unreadable.Message}");
        }
    }

    private static IReadOnlyList<CohortEntry> ReadManifest(string manifestPath, bool withoutFiles)
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
        int idColumn = Column("slide_id");
        if (slideColumn < 0 && idColumn < 0)
        {
            throw new CohortException($"manifest '{manifestPath}' has no column 'slide'; its columns are {string.Join(", ", header)}");
        }

        SlideIdLookup? lookup = slideColumn < 0 && !withoutFiles ? new SlideIdLookup(manifestPath, root) : null;
        int fileColumn = slideColumn < 0 && withoutFiles ? idColumn : slideColumn;
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
            string full = lookup is not null
                ? lookup.Find(Cell(idColumn) ?? throw new CohortException($"manifest '{manifestPath}' line {line}: the slide_id column is empty"))
                : FullPath(
                    Cell(fileColumn) ?? throw new CohortException($"manifest '{manifestPath}' line {line}: the {(fileColumn == slideColumn ? "slide" : "slide_id")} column is empty"),
                    root, manifestPath, line);
            bool isRooted = lookup is null && Path.IsPathRooted(Cell(fileColumn));
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

            AddSex(rest);
            rows.Add((ShownPaths.Of(full, isRooted ? null : root, Path.GetDirectoryName(full) ?? root), full, Cell(idColumn), Cell(caseColumn), Cell(omicsColumn), mpp, rest));
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

        string[] paths = ShownPaths.Distinct([.. rows.Select(r => (r.Full, r.Shown))]);
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
            Path = paths[i],
            FullPath = r.Full,
            CaseId = r.Case ?? ids[i].Value,
            OmicsId = r.Omics ?? r.Case ?? ids[i].Value,
            MicronsPerPixel = r.Mpp,
            Covariates = r.Others,
        }));
    }

    private static IReadOnlyList<CohortEntry> Ordered(IEnumerable<CohortEntry> entries) =>
        [.. entries.OrderBy(e => e.Id.Value, StringComparer.Ordinal)];

    private static CohortException NothingFound(string input, string root, string? excluded) => new(
        Directory.Exists(input)
            ? SlideSearch.IsInResults(root, excluded)
                ? $"no slides in folder '{input}': it holds, or lies in, results of SlideMesh, which are not searched; name the slides' own folder or files"
                : IsUnreadable(root)
                    ? $"folder '{input}' may not be read by this user; change its permissions"
                    : $"no slides in folder '{input}' (looked for {string.Join(' ', SlideExtensions.Order(StringComparer.Ordinal))})"
            : input.AsSpan().IndexOfAny('*', '?') >= 0 ? $"no file matches '{input}'"
            : $"'{input}' does not exist; check the path");

    private static bool IsUnreadable(string folder)
    {
        try
        {
            _ = Directory.EnumerateFileSystemEntries(folder).Any();
            return false;
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }

    private static string FullPath(string path, string root, string manifestPath, long line) => path.Contains('\0')
        ? throw new CohortException($"manifest '{manifestPath}' line {line}: '{path}' is no path")
        : Path.GetFullPath(path, root);

    /// <summary>PORPOISE's tables say <c>is_female</c> where others say <c>sex</c>; both stay available to models.</summary>
    private static void AddSex(SortedDictionary<string, string> covariates)
    {
        string? sex = covariates.GetValueOrDefault("is_female") switch
        {
            "1" or "1.0" => "F",
            "0" or "0.0" => "M",
            _ => null,
        };
        if (sex is not null)
        {
            covariates.TryAdd("sex", sex);
        }
    }
}
