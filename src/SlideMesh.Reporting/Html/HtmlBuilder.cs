using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;

namespace SlideMesh.Reporting.Html;

/// <summary>Markup that is safe to place as it is.</summary>
internal readonly record struct Markup(string Text);

/// <summary>
/// Builds a page from interpolated strings: literal parts are markup, every hole is escaped (only <see cref="Markup"/> is not), so that
/// forgetting to escape a slide's name is not possible. Numbers are written in the invariant culture.
/// </summary>
internal sealed class HtmlBuilder
{
    private readonly StringBuilder _text = new();

    public HtmlBuilder Add([InterpolatedStringHandlerArgument("")] ref EscapingHandler markup) => this;

    public HtmlBuilder Add(Markup markup)
    {
        _text.Append(markup.Text);
        return this;
    }

    public Markup ToMarkup() => new(_text.ToString());

    public byte[] ToBytes() => Encoding.UTF8.GetBytes(_text.ToString());

    [InterpolatedStringHandler]
    internal readonly ref struct EscapingHandler
    {
        private readonly StringBuilder _text;

        public EscapingHandler(int literalLength, int formattedCount, HtmlBuilder builder)
        {
            _ = literalLength;
            _ = formattedCount;
            _text = builder._text;
        }

        public void AppendLiteral(string value) => _text.Append(value);

        public void AppendFormatted(Markup value) => _text.Append(value.Text);

        public void AppendFormatted(string? value) => _text.Append(WebUtility.HtmlEncode(value));

        public void AppendFormatted<T>(T value, string? format = null)
            where T : IFormattable => _text.Append(WebUtility.HtmlEncode(value.ToString(format, CultureInfo.InvariantCulture)));
    }
}
