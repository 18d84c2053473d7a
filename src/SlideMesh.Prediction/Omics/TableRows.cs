using CsvHelper;

namespace SlideMesh.Prediction.Omics;

/// <summary>Rows of a comma-, semicolon- or tab-separated text (as its first line is), cells trimmed, empty lines skipped.</summary>
internal static class TableRows
{
    /// <param name="IsMalformed">Quotes are wrong in this row; its cells are a guess.</param>
    public readonly record struct TableRow(int Line, string[] Cells, bool IsMalformed);

    public static IEnumerable<TableRow> Read(string path)
    {
        string text = File.ReadAllText(path);
        bool malformed = false;
        CsvReaderOptions options = CsvReaderOptions.Default with
        {
            Separator = Separator(FirstLine(text)),
            HasHeader = false,
            TrackLineNumbers = true,
            TrimWhitespace = true,
            DetectSeparatorHint = false,

            // A quote that is never closed would otherwise swallow every case below it.
            AllowLineBreaksInQuotes = false,
            MalformedData = CsvMalformedDataHandling.Recover,
            OnMalformedRecord = _ => malformed = true,
        };
        using CsvReader reader = CsvReader.Create(new StringReader(text), options);
        while (reader.Read())
        {
            string[] cells = new string[reader.FieldCount];
            for (int i = 0; i < cells.Length; i++)
            {
                cells[i] = reader.GetString(i);
            }

            yield return new TableRow((int)reader.LineNumber, cells, malformed);
            malformed = false;
        }
    }

    private static char Separator(ReadOnlySpan<char> header) =>
        header.Contains('\t') ? '\t'
        : header.Contains(';') && !header.Contains(',') ? ';'
        : ',';

    private static ReadOnlySpan<char> FirstLine(string text)
    {
        int end = text.AsSpan().IndexOfAny('\r', '\n');
        return end < 0 ? text : text.AsSpan(0, end);
    }
}
