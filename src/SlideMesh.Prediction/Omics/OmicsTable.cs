using System.Globalization;

namespace SlideMesh.Prediction.Omics;

/// <summary>
/// Omics values by case. Two layouts: a column <c>case_id</c> and features beside it; or PORPOISE's, known by its column
/// <c>slide_id</c>, where only columns that end in <c>_cnv</c>, <c>_rnaseq</c> or <c>_mut</c> are features and a case may stand on
/// several rows, one a slide. Comma-separated, or tab-separated when the header has tabs. Empty cells, NA, NaN and null are missing.
/// One bad row makes one case invalid, never the table. Immutable, thread-safe.
/// </summary>
public sealed class OmicsTable
{
    private const string CaseIdColumn = "case_id";
    private const string SlideIdColumn = "slide_id";

    /// <summary>Columns of a cohort manifest that are no omics features, whatever the layout.</summary>
    private static readonly HashSet<string> ClinicalColumns = new(StringComparer.OrdinalIgnoreCase)
    {
        "", CaseIdColumn, SlideIdColumn, "omics_id", "age", "sex", "is_female", "site", "label", "oncotree_code",
        "survival_months", "censorship", "train", "mpp", "slide",
    };

    private static readonly HashSet<string> MissingCells = new(StringComparer.OrdinalIgnoreCase) { "", "na", "n/a", "nan", "null", "none" };

    private readonly Dictionary<string, int> _features = new(StringComparer.Ordinal);
    private readonly List<(int CsvColumn, string Name)> _columns = [];
    private readonly Dictionary<string, OmicsRow> _rows = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _invalid = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _lines = new(StringComparer.Ordinal);
    private readonly List<OmicsFinding> _findings = [];
    private readonly HashSet<string>? _wanted;

    private OmicsTable(string path, IEnumerable<string>? wanted)
    {
        Path = path;
        _wanted = wanted is null ? null : new HashSet<string>(wanted, StringComparer.Ordinal);
    }

    public string Path { get; }

    /// <summary>Feature columns in file order.</summary>
    public IReadOnlyList<string> Features => [.. _columns.Select(c => c.Name)];

    /// <summary>Every case id of the table in file order, usable or not.</summary>
    public IReadOnlyCollection<string> CaseIds => _lines.Keys;

    /// <summary>What is wrong with the table, in file order.</summary>
    public IReadOnlyList<OmicsFinding> Findings => _findings;

    /// <param name="features">
    /// Columns to read, e.g. <see cref="SlidePredictor.OmicsFeatures"/>: text in other columns then harms no case. Null reads all.
    /// </param>
    /// <exception cref="OmicsTableException">The file cannot be read or has no column case_id.</exception>
    public static OmicsTable Read(string path, IEnumerable<string>? features = null)
    {
        var table = new OmicsTable(path, features);
        try
        {
            table.ReadRows(TableRows.Read(path));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new OmicsTableException(path, $"{path}: the omics table does not exist; check the path.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new OmicsTableException(path, $"{path}: the omics table cannot be read ({e.Message}).", e);
        }

        return table;
    }

    /// <summary>The case's row, or why there is none.</summary>
    public CaseOmics Find(string? caseId)
    {
        string name = System.IO.Path.GetFileName(Path);
        if (string.IsNullOrWhiteSpace(caseId))
        {
            return CaseOmics.Missing($"the slide has no case id, so no row of {name} can be its own; add case_id to the cohort manifest");
        }

        string id = caseId.Trim();
        return _invalid.TryGetValue(id, out string? why) ? CaseOmics.Invalid(why)
            : _rows.TryGetValue(id, out OmicsRow? row) ? CaseOmics.Found(row)
            : CaseOmics.Missing($"{name} has no row for case {id}");
    }

    /// <summary>Rows that no slide of the run will use, in file order.</summary>
    /// <param name="cases">Case ids of the run's slides.</param>
    public IReadOnlyList<OmicsFinding> FindUnknownCases(IEnumerable<string> cases)
    {
        HashSet<string> known = new(cases.Select(c => c.Trim()), StringComparer.Ordinal);
        return
        [
            .. _lines.Where(l => !known.Contains(l.Key)).Select(l => new OmicsFinding(
                OmicsFindingKind.UnknownCase, l.Key, l.Value, null, $"no slide of the run belongs to case {l.Key}; the row is not used")),
        ];
    }

    private void ReadRows(IEnumerable<TableRows.TableRow> rows)
    {
        string[]? header = null;
        int caseColumn = -1;
        foreach ((int line, string[] cells, bool malformed) in rows)
        {
            if (header is null)
            {
                header = cells;
                caseColumn = Array.IndexOf(header, CaseIdColumn);
                if (caseColumn < 0)
                {
                    break;
                }

                ChooseFeatures(header);
            }
            else
            {
                ReadRow(cells, header.Length, caseColumn, line, malformed);
            }
        }

        if (caseColumn < 0)
        {
            throw new OmicsTableException(Path, $"{Path}: the omics table has no column '{CaseIdColumn}' in its first line; name the column with the case ids so.");
        }
    }

    private void ChooseFeatures(string[] header)
    {
        bool porpoise = header.Contains(SlideIdColumn);
        for (int i = 0; i < header.Length; i++)
        {
            string name = header[i];
            if (ClinicalColumns.Contains(name) || (porpoise && !IsPorpoiseFeature(name)) || _wanted?.Contains(name) == false)
            {
                continue;
            }

            if (_features.TryAdd(name, _columns.Count))
            {
                _columns.Add((i, name));
            }
            else
            {
                _findings.Add(new OmicsFinding(OmicsFindingKind.DuplicateColumn, null, 1, name, $"column '{name}' appears twice; the first is used"));
            }
        }
    }

    private static bool IsPorpoiseFeature(string name) =>
        name.EndsWith("_cnv", StringComparison.Ordinal) || name.EndsWith("_rnaseq", StringComparison.Ordinal)
        || name.EndsWith("_mut", StringComparison.Ordinal);

    private void ReadRow(string[] cells, int width, int caseColumn, int line, bool malformed)
    {
        string caseId = caseColumn < cells.Length ? cells[caseColumn] : "";
        if (caseId.Length == 0)
        {
            _findings.Add(new OmicsFinding(OmicsFindingKind.CaseIdMissing, null, line, CaseIdColumn, $"line {line} has no case id; the row is left out"));
            return;
        }

        _lines.TryAdd(caseId, line);
        if (malformed || cells.Length != width)
        {
            string what = malformed ? "has a stray quote" : $"has {cells.Length} cells where the header has {width}";
            Invalidate(OmicsFindingKind.MalformedRow, caseId, line, null, $"line {line} {what}; correct the row");
            return;
        }

        double[] values = new double[_columns.Count];
        for (int i = 0; i < values.Length; i++)
        {
            (int column, string name) = _columns[i];
            if (!TryRead(cells[column], out values[i]))
            {
                Invalidate(
                    OmicsFindingKind.NotANumber, caseId, line, name,
                    $"line {line}, column '{name}': '{Shorten(cells[column])}' is not a number; correct the cell or leave it empty");
                return;
            }
        }

        Keep(new OmicsRow(caseId, line, _features, values));
    }

    private void Keep(OmicsRow row)
    {
        if (_rows.TryGetValue(row.CaseId, out OmicsRow? earlier) && !earlier.HasSameValues(row))
        {
            Invalidate(
                OmicsFindingKind.DuplicateCase, row.CaseId, row.Line, null,
                $"lines {earlier.Line} and {row.Line} both hold case {row.CaseId} with different values; keep one");
        }

        _rows.TryAdd(row.CaseId, row);
    }

    private void Invalidate(OmicsFindingKind kind, string caseId, int line, string? column, string detail)
    {
        _findings.Add(new OmicsFinding(kind, caseId, line, column, detail));
        _invalid.TryAdd(caseId, detail);
    }

    /// <param name="value">NaN when the cell is missing.</param>
    private static bool TryRead(string cell, out double value)
    {
        if (MissingCells.Contains(cell))
        {
            value = double.NaN;
            return true;
        }

        return double.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && double.IsFinite(value);
    }

    private static string Shorten(string cell) => cell.Length <= 40 ? cell : string.Concat(cell.AsSpan(0, 40), "…");
}
