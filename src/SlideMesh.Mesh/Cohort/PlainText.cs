using System.Globalization;
using System.Text;

namespace SlideMesh.Mesh.Cohort;

/// <summary>
/// Makes text from outside (file names, messages of native libraries) fit for a terminal, a table and a log: such text may hold escape
/// sequences that repaint a terminal, line breaks that forge rows, or marks that turn the direction of writing.
/// </summary>
public static class PlainText
{
    /// <summary>For messages: any white space, line breaks too, becomes one space; other control characters become U+FFFD.</summary>
    public static string OneLine(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Visible(string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)));
    }

    /// <summary>For file names, in which spaces count: every control character, tabs and line breaks too, becomes U+FFFD.</summary>
    public static string Visible(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        StringBuilder? visible = null;
        for (int i = 0; i < text.Length; i++)
        {
            if (IsHarmful(text[i]))
            {
                visible ??= new StringBuilder(text);
                visible[i] = '\uFFFD';
            }
        }

        return visible?.ToString() ?? text;
    }

    // Format characters in general stay: names in Persian or with emoji need joiners. Those here override the direction.
    private static bool IsHarmful(char c) =>
        char.IsControl(c)
        || char.GetUnicodeCategory(c) is UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        || c is '\u200E' or '\u200F' or '\u061C' or (>= '\u202A' and <= '\u202E') or (>= '\u2066' and <= '\u2069');
}
