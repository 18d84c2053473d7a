using SlideMesh.Mesh.Cohort;

namespace SlideMesh.Mesh.Tests.Cohort;

public sealed class PlainTextTests
{
    [Theory]
    [InlineData("two\r\n\tlines ", "two lines")]
    [InlineData("\u001B[2J\u001B]0;title\aa.svs", "\uFFFD[2J\uFFFD]0;title\uFFFDa.svs")]
    [InlineData("a\u0085b\u2028c\u00A0d", "a b c d")]
    [InlineData("\u009B31mred", "\uFFFD31mred")]
    [InlineData("a\u202Egnp.svs", "a\uFFFDgnp.svs")]
    [InlineData("\0\u007F", "\uFFFD\uFFFD")]
    [InlineData("Größe 切片 \U0001F52C\u200D", "Größe 切片 \U0001F52C\u200D")]
    [InlineData(" \n ", "")]
    public void Message_becomes_one_line_without_control_characters(string text, string expected) => Assert.Equal(expected, PlainText.OneLine(text));

    [Theory]
    [InlineData("a  b.svs", "a  b.svs")]
    [InlineData("a\nb\t.svs", "a\uFFFDb\uFFFD.svs")]
    [InlineData("\u001B[31m\u2067.svs", "\uFFFD[31m\uFFFD.svs")]
    public void Name_keeps_its_spaces_and_loses_control_characters(string text, string expected) => Assert.Equal(expected, PlainText.Visible(text));
}
