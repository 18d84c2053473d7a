using System.Security.Cryptography;
using SlideMesh.Slides.Pyramid;

namespace SlideMesh.Slides.Tests.Pyramid;

public sealed class SlideFingerprintTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Small_file_is_hashed_whole_after_its_length()
    {
        string path = _folder.File("small.svs");
        byte[] content = [.. Enumerable.Range(0, 3_000_000).Select(i => (byte)(i * 31))];
        File.WriteAllBytes(path, content);
        byte[] expected = SHA256.HashData([.. BitConverter.GetBytes((long)content.Length), .. content]);
        Assert.Equal(Convert.ToHexStringLower(expected), SlideFingerprint.Compute(path));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(5_767_168)]
    [InlineData(5_767_169)]
    [InlineData(40_000_000_000)]
    public void Blocks_lie_within_the_file_in_order_and_stay_few(long length)
    {
        (long Start, int Count)[] blocks = [.. SlideFingerprint.Blocks(length)];
        Assert.True(blocks.Sum(b => (long)b.Count) <= 5_767_168);
        Assert.All(blocks.Zip(blocks.Skip(1)), p => Assert.True(p.First.Start + p.First.Count <= p.Second.Start));
        Assert.Equal(length, blocks.Length == 0 ? 0 : blocks[^1].Start + blocks[^1].Count);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(500_000)]
    [InlineData(19_999_999)]
    public void Changed_byte_at_the_edges_changes_the_fingerprint(int at)
    {
        string path = _folder.File("large.svs");
        var content = new byte[20_000_000];
        File.WriteAllBytes(path, content);
        string before = SlideFingerprint.Compute(path);
        content[at] = 1;
        File.WriteAllBytes(path, content);
        Assert.NotEqual(before, SlideFingerprint.Compute(path));
    }

    [Theory]
    [InlineData("slide.svs")]
    [InlineData("slide.ndpi")]
    [InlineData("slide.vms")]
    public void Folder_of_the_same_name_beside_a_slide_of_one_file_does_not_count(string name)
    {
        string path = _folder.File(name);
        Directory.CreateDirectory(_folder.File("slide"));
        File.WriteAllBytes(path, [1, 2, 3]);
        string alone = SlideFingerprint.Compute(path);
        File.WriteAllBytes(_folder.File("slide/run.json"), new byte[10]);
        Assert.Equal(alone, SlideFingerprint.Compute(path));
    }

    [Fact]
    public void Companion_folder_of_a_mirax_slide_counts()
    {
        string path = _folder.File("slide.mrxs");
        File.WriteAllBytes(path, [1, 2, 3]);
        string alone = SlideFingerprint.Compute(path);
        Directory.CreateDirectory(_folder.File("slide"));
        File.WriteAllBytes(_folder.File("slide/Data0000.dat"), new byte[10]);
        string withFolder = SlideFingerprint.Compute(path);
        File.WriteAllBytes(_folder.File("slide/Data0000.dat"), new byte[11]);
        Assert.Equal(3, new HashSet<string> { alone, withFolder, SlideFingerprint.Compute(path) }.Count);
    }

    [Fact]
    public void Missing_file_is_a_typed_error() => Assert.Equal(
        SlideFailureReason.FileMissing, Assert.Throws<SlideFormatException>(() => SlideFingerprint.Compute(_folder.File("none.svs"))).Reason);

    [Theory]
    [InlineData("none.svs")]
    [InlineData("link.svs")]
    public void Link_to_no_file_is_a_typed_error(string target)
    {
        string link = _folder.File("link.svs");
        File.CreateSymbolicLink(link, _folder.File(target));
        SlideFormatException error = Assert.Throws<SlideFormatException>(() => SlideFingerprint.Compute(link));
        Assert.Equal(SlideFailureReason.FileMissing, error.Reason);
        Assert.Contains("is a link to a file that does not exist", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Link_to_a_file_has_the_fingerprint_of_that_file()
    {
        string path = _folder.File("slide.svs");
        File.WriteAllBytes(path, [1, 2, 3]);
        File.CreateSymbolicLink(_folder.File("link.svs"), path);
        Assert.Equal(SlideFingerprint.Compute(path), SlideFingerprint.Compute(_folder.File("link.svs")));
    }
}
