using System.Buffers;
using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;

namespace SlideMesh.Reporting.Html;

/// <summary>Markup that is safe to place as it is.</summary>
internal readonly record struct Markup(string Text);

/// <summary>A file as a <c>data:</c> URI; its text is made while it is written.</summary>
internal readonly record struct DataUri(string MediaType, ReadOnlyMemory<byte> Bytes);

/// <summary>
/// Writes a page from interpolated strings: literal parts are markup, every hole is escaped (only <see cref="Markup"/> is not), so that
/// forgetting to escape a slide's name is not possible. Numbers are written in the invariant culture. A page goes straight to its
/// stream, UTF-8: its pictures are most of it, and as a string they would be in memory several times over. Parts of a page may be built in memory.
/// </summary>
internal sealed class HtmlBuilder : IDisposable
{
    private const int BufferChars = 1 << 13;

    // A multiple of 3: base64 fills up only at the end.
    private const int Base64Bytes = 3 << 10;

    private static readonly SearchValues<char> PlainCharacters =
        SearchValues.Create("0123456789.-+ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    private readonly TextWriter _text;

    /// <summary>A part of a page, for <see cref="ToMarkup"/>.</summary>
    public HtmlBuilder() => _text = new StringWriter(CultureInfo.InvariantCulture);

    /// <param name="page">Stays open; whole once the builder is disposed of.</param>
    public HtmlBuilder(Stream page) =>
        _text = new StreamWriter(page, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), BufferChars, leaveOpen: true);

    public HtmlBuilder Add([InterpolatedStringHandlerArgument("")] ref EscapingHandler markup) => this;

    public HtmlBuilder Add(Markup markup)
    {
        _text.Write(markup.Text);
        return this;
    }

    public Markup ToMarkup() => new(((StringWriter)_text).ToString());

    public void Dispose() => _text.Dispose();

    private void Escape(string? value) => WebUtility.HtmlEncode(value, _text);

    private void Escape<T>(T value, string? format)
        where T : IFormattable
    {
        Span<char> text = stackalloc char[64];
        if (value is ISpanFormattable && ((ISpanFormattable)value).TryFormat(text, out int length, format, CultureInfo.InvariantCulture)
            && !text[..length].ContainsAnyExcept(PlainCharacters))
        {
            _text.Write(text[..length]);
        }
        else
        {
            Escape(value.ToString(format, CultureInfo.InvariantCulture));
        }
    }

    private void Write(DataUri file)
    {
        _text.Write("data:");
        Escape(file.MediaType);
        _text.Write(";base64,");
        Span<char> text = stackalloc char[Base64Bytes / 3 * 4];
        for (int start = 0; start < file.Bytes.Length; start += Base64Bytes)
        {
            ReadOnlySpan<byte> part = file.Bytes.Span[start..Math.Min(file.Bytes.Length, start + Base64Bytes)];
            Convert.TryToBase64Chars(part, text, out int length);
            _text.Write(text[..length]);
        }
    }

    [InterpolatedStringHandler]
    internal readonly ref struct EscapingHandler
    {
        private readonly HtmlBuilder _html;

        public EscapingHandler(int literalLength, int formattedCount, HtmlBuilder builder)
        {
            _ = literalLength;
            _ = formattedCount;
            _html = builder;
        }

        public void AppendLiteral(string value) => _html._text.Write(value);

        public void AppendFormatted(Markup value) => _html._text.Write(value.Text);

        public void AppendFormatted(DataUri value) => _html.Write(value);

        public void AppendFormatted(string? value) => _html.Escape(value);

        public void AppendFormatted<T>(T value, string? format = null)
            where T : IFormattable => _html.Escape(value, format);
    }
}
