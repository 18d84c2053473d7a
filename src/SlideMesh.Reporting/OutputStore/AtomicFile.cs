using System.Security.Cryptography;

namespace SlideMesh.Reporting.OutputStore;

/// <summary>
/// Writes files that are either whole or absent: to a temporary name in the same folder, flushed to disk, then renamed.
/// Temporary names are this process's own: in a cluster, a node that was taken for dead may write the same file as its successor.
/// One thread writes to a file at a time. A temporary name starts with <see cref="TemporaryPrefix"/>, so that leftovers of a killed process can be told and removed.
/// </summary>
public static class AtomicFile
{
    public const string TemporaryPrefix = ".tmp-";

    private const int ErrorTooLarge = 27;

    private static readonly string ProcessToken = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4));

    /// <summary>Runs <paramref name="write"/> on a temporary path and renames the result to <paramref name="path"/>.</summary>
    /// <param name="write">Writes the whole file at the path that it gets and closes it.</param>
    /// <param name="createFolder">False: the folder must be there. Who took over has renamed it away, and what comes late must not bring it back.</param>
    /// <exception cref="IOException">The disk or quota is full, the file is too large for the file system, or the disk fails.</exception>
    /// <exception cref="DirectoryNotFoundException">The folder is not there and is not to be created.</exception>
    public static void Write(string path, Action<string> write, bool createFolder = true)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(write);
        string folder = Path.GetDirectoryName(path)!;
        if (createFolder)
        {
            Directory.CreateDirectory(folder);
        }

        // The extension stays last: writers such as HDF5 tools look at it.
        string temporary = Path.Combine(folder, TemporaryPrefix + ProcessToken + "-" + Path.GetFileName(path));
        try
        {
            write(temporary);
            using (FileStream written = new(temporary, FileMode.Open, FileAccess.Write))
            {
                written.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch (ArgumentOutOfRangeException tooLarge) when (IsFileTooLarge(tooLarge))
        {
            TryDelete(temporary);
            throw new IOException($"File too large: '{path}'", ErrorTooLarge);
        }
        catch
        {
            TryDelete(temporary);
            throw;
        }
    }

    public static void WriteBytes(string path, ReadOnlyMemory<byte> bytes, bool createFolder = true) =>
        Write(path, temporary =>
        {
            using FileStream stream = new(temporary, FileMode.Create, FileAccess.Write);
            stream.Write(bytes.Span);
        }, createFolder);

    public static void WriteText(string path, string text) =>
        Write(path, temporary => File.WriteAllText(temporary, text));

    /// <summary>SHA-256 of a file as lower-case hex.</summary>
    public static string Sha256(string path)
    {
        using FileStream stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    // .NET reports EFBIG, alone of all errors of the disk, as a bad argument.
    private static bool IsFileTooLarge(ArgumentOutOfRangeException failure) =>
        failure.Message.StartsWith("Specified file length was too large", StringComparison.Ordinal);

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (IOException)
        {
            // The write's own error is the one to report; a leftover is removed at the next run.
        }
        catch (UnauthorizedAccessException)
        {
            // As above.
        }
    }
}
