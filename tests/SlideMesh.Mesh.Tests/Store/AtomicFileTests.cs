using SlideMesh.Reporting.OutputStore;

namespace SlideMesh.Mesh.Tests.Store;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void File_is_written_with_its_folders()
    {
        AtomicFile.WriteText(_folder["a/b/c.txt"], "new");
        Assert.Equal("new", File.ReadAllText(_folder["a/b/c.txt"]));
        Assert.Equal(["c.txt"], Names(_folder["a/b"]));
    }

    [Fact]
    public void Failure_leaves_the_old_file_whole_and_nothing_else()
    {
        string path = _folder.Write("c.txt", "old");
        Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(path, temporary =>
        {
            File.WriteAllText(temporary, "half");
            throw new InvalidOperationException("in the middle");
        }));
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal(["c.txt"], Names(_folder.Root));
    }

    [Fact]
    public void Failure_before_the_first_byte_is_the_one_reported()
    {
        Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(_folder["c.txt"], _ => throw new InvalidOperationException("at once")));
        Assert.Empty(Names(_folder.Root));
    }

    [Fact]
    public void Old_file_stays_readable_until_the_new_one_is_whole()
    {
        string path = _folder.Write("c.txt", "old");
        AtomicFile.Write(path, temporary =>
        {
            File.WriteAllText(temporary, "new");
            Assert.Equal("old", File.ReadAllText(path));
            Assert.StartsWith(AtomicFile.TemporaryPrefix, Path.GetFileName(temporary), StringComparison.Ordinal);
            Assert.Equal(".txt", Path.GetExtension(temporary));
        });
        Assert.Equal("new", File.ReadAllText(path));
    }

    [Fact]
    public void File_that_outgrows_the_file_system_is_an_error_of_the_disk()
    {
        // What .NET throws for EFBIG; the real thing is tried with a process under ulimit -f.
        IOException told = Assert.Throws<IOException>(() => AtomicFile.Write(
            _folder["c.bin"], _ => throw new ArgumentOutOfRangeException("value", "Specified file length was too large for the file system.")));
        Assert.Equal(27, told.HResult);
        Assert.Throws<ArgumentOutOfRangeException>(() => AtomicFile.Write(_folder["c.bin"], _ => throw new ArgumentOutOfRangeException("count")));
        Assert.Empty(Names(_folder.Root));
    }

    private static string[] Names(string folder) => [.. Directory.EnumerateFileSystemEntries(folder).Select(f => Path.GetFileName(f)!)];
}
