namespace SlideMesh.Prediction.Omics;

/// <summary>One case's omics values. Shares the table's columns.</summary>
public sealed class OmicsRow
{
    private readonly IReadOnlyDictionary<string, int> _columns;
    private readonly double[] _values;

    internal OmicsRow(string caseId, int line, IReadOnlyDictionary<string, int> columns, double[] values)
    {
        CaseId = caseId;
        Line = line;
        _columns = columns;
        _values = values;
    }

    /// <summary>A row of no table.</summary>
    /// <param name="values">By feature, finite.</param>
    public static OmicsRow Of(string caseId, IReadOnlyDictionary<string, double> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        Dictionary<string, int> columns = new(StringComparer.Ordinal);
        double[] row = new double[values.Count];
        foreach ((string feature, double value) in values)
        {
            row[columns.Count] = value;
            columns.Add(feature, columns.Count);
        }

        return new OmicsRow(caseId, 1, columns, row);
    }

    public string CaseId { get; }

    /// <summary>Line in the table's file.</summary>
    public int Line { get; }

    /// <summary>The finite value of a feature; null when the table lacks the column or the cell is empty.</summary>
    public double? this[string feature] =>
        _columns.TryGetValue(feature, out int column) && !double.IsNaN(_values[column]) ? _values[column] : null;

    internal bool HasSameValues(OmicsRow other) => _values.AsSpan().SequenceEqual(other._values);
}

/// <summary>What is known of a slide's omics: its row, or why there is none.</summary>
/// <param name="Status"><see cref="OmicsStatus.Used"/> exactly when there is a row.</param>
/// <param name="Detail">Why there is no row, one line.</param>
public sealed record CaseOmics
{
    private CaseOmics(OmicsStatus status, OmicsRow? row, string? detail)
    {
        Status = status;
        Row = row;
        Detail = detail;
    }

    /// <summary>No table was given.</summary>
    public static CaseOmics NotGiven { get; } = new(OmicsStatus.NotGiven, null, null);

    public OmicsStatus Status { get; }

    public OmicsRow? Row { get; }

    public string? Detail { get; }

    public static CaseOmics Found(OmicsRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return new CaseOmics(OmicsStatus.Used, row, null);
    }

    public static CaseOmics Missing(string detail) => new(OmicsStatus.CaseMissing, null, detail);

    public static CaseOmics Invalid(string detail) => new(OmicsStatus.Invalid, null, detail);
}
