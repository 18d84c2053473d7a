using System.Text;

namespace SlideMesh.Cli.Display;

/// <summary>Columns of text aligned with spaces: the same on a terminal, in a file and through a pipe.</summary>
internal sealed class TextTable(params string[] header)
{
    private readonly List<string[]> _rows = [];

    public bool IsEmpty => _rows.Count == 0;

    public void Add(params string[] cells) => _rows.Add(cells);

    public void Write(TextWriter output)
    {
        int[] widths = [.. header.Select((name, column) => _rows.Select(row => row[column].Length).Append(name.Length).Max())];
        WriteRow(output, header, widths);
        WriteRow(output, [.. widths.Select(width => new string('-', width))], widths);
        foreach (string[] row in _rows)
        {
            WriteRow(output, row, widths);
        }
    }

    private static void WriteRow(TextWriter output, string[] cells, int[] widths)
    {
        StringBuilder line = new();
        for (int column = 0; column < cells.Length; column++)
        {
            line.Append(Printable(cells[column]).PadRight(widths[column])).Append("  ");
        }

        output.WriteLine(line.ToString().TrimEnd());
    }

    /// <summary>File names are other people's input: control characters could move the cursor.</summary>
    private static string Printable(string text) => string.Concat(text.Select(c => char.IsControl(c) ? '?' : c));
}
