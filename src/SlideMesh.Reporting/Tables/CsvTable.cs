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

    private static void WriteRecord(CsvWriter csv, IReadOnlyList<object?> fields)
    {
        foreach (object? field in fields)
        {
            csv.WriteField(field switch
            {
                null => "",
                bool flag => flag ? "true" : "false",
                IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
                _ => field.ToString(),
            });
        }

        csv.EndRecord();
    }
}
