using System.Text.Json.Serialization;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Prediction.Omics;

/// <summary>Something wrong with one row of an omics table. The rest of the table stays usable.</summary>
/// <param name="CaseId">Null when the row has none.</param>
/// <param name="Line">Line in the file, the header is 1.</param>
/// <param name="Column">Column name; null when the finding is about the row.</param>
/// <param name="Detail">One line: what was found and what to do.</param>
public sealed record OmicsFinding(OmicsFindingKind Kind, string? CaseId, int Line, string? Column, string Detail);

[JsonConverter(typeof(KebabCaseEnumConverter<OmicsFindingKind>))]
public enum OmicsFindingKind
{
    /// <summary>Text, or a number that is not finite, where a number belongs. The case is invalid.</summary>
    NotANumber,

    /// <summary>More or fewer cells than the header, or a quote that does not end. The case is invalid.</summary>
    MalformedRow,

    /// <summary>Two rows of one case with different values. The case is invalid: which row is right cannot be known.</summary>
    DuplicateCase,

    /// <summary>A row without a case id. The row is left out.</summary>
    CaseIdMissing,

    /// <summary>A column name that appears twice. The first is used.</summary>
    DuplicateColumn,

    /// <summary>A row whose case no slide of the run belongs to. It is not used.</summary>
    UnknownCase,
}
