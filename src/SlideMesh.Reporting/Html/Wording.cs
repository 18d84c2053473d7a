using System.Globalization;
using SlideMesh.Prediction;

namespace SlideMesh.Reporting.Html;

/// <summary>How findings are put into words.</summary>
internal static class Wording
{
    public static string TaskTitle(string task) => task switch
    {
        "grade" => "Tumour grade",
        "tmb" => "Tumour mutational burden",
        "origin" => "Tissue of origin",
        "site" => "Primary or metastasis",
        _ => Capital(task.Replace('-', ' ').Replace('_', ' ')),
    };

    public static string LabelText(string task, string label) =>
        task == "grade" && label.Length > 0 && char.IsAsciiDigit(label[0]) ? "Grade " + label : Capital(label);

    /// <summary>The entropy of an answer (0 sure, 1 no idea) in words; the number always stands beside them.</summary>
    public static string Certainty(double entropy) => entropy switch
    {
        < 0.25 => "Clear answer",
        < 0.5 => "Fairly clear answer",
        < 0.75 => "Unsure",
        _ => "No clear answer",
    };

    public static string MapTitle(string map, string quantity, string task)
    {
        string what = quantity switch
        {
            "attention" => "where the model looked (attention)",
            "probability" => "probability per tile",
            "expected-class" => "expected class per tile",
            _ => quantity,
        };
        string name = map == task || map.StartsWith(task + "-", StringComparison.Ordinal) ? TaskTitle(task) : map;
        return $"{name}: {what}";
    }

    /// <param name="classes">Expected class: what 0, 1, … stand for. These are classes of tiles, not of the slide.</param>
    public static string MapCaption(string quantity, IReadOnlyList<string> classes) => quantity == "attention"
        ? "Colours are percentile ranks within this slide: bright tiles weighed most. They cannot be compared between slides."
        : (classes.Count > 0 ? $"Each tile is rated {string.Join(", ", classes.Select((label, i) => $"{i} = {label}"))}. " : "")
          + "Colours span the natural range of the quantity and can be compared between slides.";

    public static string Omics(OmicsUse omics) => omics.Status switch
    {
        OmicsStatus.Used => $"Used. {omics.FeaturesFound} of {omics.FeaturesWanted} features of the fusion model were found for case {omics.CaseId}.",
        OmicsStatus.NotGiven => "Not used: no omics table was given. All answers rest on the slide alone.",
        OmicsStatus.CaseMissing => $"Not used: the omics table has no row for case {omics.CaseId ?? "(none)"}. All answers rest on the slide alone.",
        OmicsStatus.Invalid => $"Not used: the row of case {omics.CaseId} could not be read{(omics.Detail is { } detail ? $" ({detail.TrimEnd('.')})" : "")}. All answers rest on the slide alone.",
        _ => "Not used: omics were given, but no fusion model is loaded. All answers rest on the slide alone.",
    };

    public static string Reason(string reason) => reason switch
    {
        "tile-background" => "mostly background",
        "tile-pen" => "mostly pen",
        "tile-blur" => "blurred",
        _ => reason.Replace('-', ' '),
    };

    public static string Percent(double share) => Number(share * 100, "0") + "\u00A0%";

    // One decimal for small shares, so that 0.4 % does not read as none.
    public static string Share(double share) => share is > 0 and < 0.1 ? Number(share * 100, "0.0") + "\u00A0%" : Percent(share);

    public static string Count(long count) => count.ToString("#,0", CultureInfo.InvariantCulture).Replace(',', '\u202F');

    public static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    public static string Quantity(QuantityAnswer quantity)
    {
        string value = Number(quantity.Value, Math.Abs(quantity.Value) >= 100 ? "0" : "0.0");
        return quantity.Unit.Length > 0 ? $"{value} {quantity.Unit}" : value;
    }

    public static string Capital(string text) => text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..];
}
