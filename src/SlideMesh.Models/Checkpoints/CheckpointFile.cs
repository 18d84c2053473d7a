using Microsoft.Win32.SafeHandles;

namespace SlideMesh.Models.Checkpoints;

/// <summary>A checkpoint's file, open for reading at any place. Dispose closes it; tensors that were not loaded are then lost.</summary>
internal sealed class CheckpointFile : IDisposable
{
    private readonly SafeFileHandle _handle;

    /// <exception cref="CheckpointException">It is missing or cannot be opened.</exception>
    public CheckpointFile(string path)
    {
        Path = path;
        try
        {
            _handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read, FileOptions.RandomAccess);
            Length = RandomAccess.GetLength(_handle);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CheckpointException(path, "does not exist; check the path.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(path, $"cannot be read: {e.Message}", e);
        }
    }

    public string Path { get; }

    /// <summary>Bytes.</summary>
    public long Length { get; }

    /// <summary>Fills <paramref name="destination"/> from <paramref name="offset"/> on.</summary>
    /// <exception cref="CheckpointException">The file ends before, or cannot be read.</exception>
    public void Read(long offset, Span<byte> destination)
    {
        try
        {
            while (destination.Length > 0)
            {
                int read = RandomAccess.Read(_handle, destination, offset);
                if (read == 0)
                {
                    throw Fail("is cut short; fetch it again.");
                }

                offset += read;
                destination = destination[read..];
            }
        }
        catch (IOException e)
        {
            throw Fail($"cannot be read: {e.Message}", e);
        }
    }

    public CheckpointException Fail(string message, Exception? inner = null) => new(Path, message, inner);

    public void Dispose() => _handle.Dispose();
}
