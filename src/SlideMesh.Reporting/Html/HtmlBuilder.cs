using System.Buffers;
using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;

namespace SlideMesh.Reporting.Html;

/// <summary>Markup that is safe to place as it is.</summary>
internal readonly record struct Markup(string Text);

/// <summary>
/// Writes a page from interpolated strings: literal parts are markup, every hole is escaped (only <see cref="Markup"/> and
/// <see cref="ReportPicture"/> are not), so that forgetting to escape a slide's name is not possible. Numbers are written in the invariant culture.
/// </summary>
internal sealed class HtmlBuilder(TextWriter text)
{
    /// <summary>For a piece of a page: see <see cref="ToMarkup"/>.</summary>
    public HtmlBuilder()
        : this(new StringWriter(CultureInfo.InvariantCulture))
    {
    }

    /// <summary>Where the page goes; for long parts that are markup already.</summary>
    public TextWriter Text { get; } = text;

    /// <summary>Writes a page to a stream piece by piece: a page with many pictures never lies in memory.</summary>
    public static void Write(Stream destination, Action<HtmlBuilder> page)
    {
        using StreamWriter writer = new(destination, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), bufferSize: 1 << 14, leaveOpen: true);
        page(new HtmlBuilder(writer));
    }

    public HtmlBuilder Add([InterpolatedStringHandlerArgument("")] ref EscapingHandler markup) => this;

    public HtmlBuilder Add(Markup markup)
    {
        Text.Write(markup.Text);
        return this;
    }

    /// <summary>What was added, of a builder without a writer of its own.</summary>
    public Markup ToMarkup() => new(((StringWriter)Text).ToString());

    [InterpolatedStringHandler]
    internal readonly ref struct EscapingHandler
    {
        // Whole groups of three bytes, so that only the last piece is padded.
        private const int PieceBytes = 3 << 12;

        private readonly TextWriter _text;

        public EscapingHandler(int literalLength, int formattedCount, HtmlBuilder builder)
        {
            _ = literalLength;
            _ = formattedCount;
            _text = builder.Text;
        }

        public void AppendLiteral(string value) => _text.Write(value);

        public void AppendFormatted(Markup value) => _text.Write(value.Text);

        /// <summary>As a <c>data:</c> URI, whose base64 is never held as one string.</summary>
        public void AppendFormatted(ReportPicture value)
        {
            _text.Write($"data:{value.MediaType};base64,");
            char[] piece = ArrayPool<char>.Shared.Rent(PieceBytes / 3 * 4);
            for (ReadOnlySpan<byte> left = value.Bytes; left.Length > 0; left = left[Math.Min(PieceBytes, left.Length)..])
            {
                _ = Convert.TryToBase64Chars(left[..Math.Min(PieceBytes, left.Length)], piece, out int written);
                _text.Write(piece, 0, written);
            }

            ArrayPool<char>.Shared.Return(piece);
        }

        public void AppendFormatted(string? value) => _text.Write(WebUtility.HtmlEncode(value));

        public void AppendFormatted<T>(T value, string? format = null)
            where T : IFormattable => _text.Write(WebUtility.HtmlEncode(value.ToString(format, CultureInfo.InvariantCulture)));
    }
}
