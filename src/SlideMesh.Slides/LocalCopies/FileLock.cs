namespace SlideMesh.Slides.LocalCopies;

/// <summary>A lock between processes on a file that holds nothing. The kernel's own (flock): it ends with the process.</summary>
internal sealed class FileLock : IDisposable
{
    private readonly FileStream _file;

    private FileLock(FileStream file) => _file = file;

    /// <summary>Null when somebody owns it.</summary>
    public static FileLock? TryShare(string path) => Try(path, FileShare.ReadWrite);

    /// <summary>Null when somebody else holds it in either way.</summary>
    public static FileLock? TryOwn(string path) => Try(path, FileShare.None);

    /// <summary>Waits until it is owned.</summary>
    public static FileLock Wait(string path, TimeSpan poll, CancellationToken cancellation)
    {
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            if (TryOwn(path) is { } owned)
            {
                return owned;
            }

            cancellation.WaitHandle.WaitOne(poll);
        }
    }

    public void Dispose() => _file.Dispose();

    private static FileLock? Try(string path, FileShare share)
    {
        try
        {
            // FileShare.None is an exclusive flock here, anything else a shared one; neither waits.
            return new FileLock(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, share, bufferSize: 0));
        }
        catch (IOException busy) when (busy is not (DirectoryNotFoundException or FileNotFoundException or PathTooLongException) && File.Exists(path))
        {
            return null;
        }
    }
}
