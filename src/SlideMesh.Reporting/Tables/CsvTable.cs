using System.Globalization;
using CsvHelper;

namespace SlideMesh.Reporting.Tables;

/// <summary>UTF-8 without a byte order mark, comma, RFC 4180 quotes, line feeds; numbers invariant and round-trip.</summary>
internal static class CsvTable
{
    private static readonly CsvWriterOptions Options = new() { NewLine = "\n", FormatProvider = CultureInfo.InvariantCulture };

    public static void Write(Stream destination, IReadOnlyList<string> header, IEnumerable<IReadOnlyList<object?>> rows)
    {
        ArgumentNullException.ThrowIfNull(destination);
        using CsvWriter csv = CsvWriter.Create(destination, Options, leaveOpen: true);
        WriteRecord(csv, header);
        foreach (IReadOnlyList<object?> row in rows)
        {
            WriteRecord(csv, row);
        }
    }

    /// <summary>
    /// A cell for people, whose text comes from outside (a path, an error about it): text that a spreadsheet would run as a formula gets an
    /// apostrophe in front. Ids stay as they are, because machines join on them.
    /// </summary>
    /// <remarks>The library's own option does this for every text cell of a table or for none.</remarks>
    public readonly record struct FreeText(string? Text)
    {
        public string Guarded => Text is ['=' or '+' or '-' or '@' or '\t' or '\r', ..] ? "'" + Text : Text ?? "";
    }

    private static void WriteRecord(CsvWriter csv, IReadOnlyList<object?> fields)
    {
        foreach (object? field in fields)
        {
            csv.WriteField(field switch
            {
                null => "",
                FreeText text => text.Guarded,
                bool flag => flag ? "true" : "false",
                IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
                _ => field.ToString(),
            });
        }

        csv.EndRecord();
    }
}
