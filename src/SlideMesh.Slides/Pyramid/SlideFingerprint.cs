using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace SlideMesh.Slides.Pyramid;

/// <summary>
/// Tells whether a slide's file is the one that earlier results were made from, without reading gigabytes.
/// </summary>
/// <remarks>
/// SHA-256 over: the length (8 bytes, little-endian); the first MiB; 14 blocks of 256 KiB at equal distances over what lies between
/// the first and the last MiB; the last MiB. Files of up to 5.5 MiB are hashed whole. MIRAX slides (.mrxs) keep their pixels in a folder
/// beside the file with the same name: they add that folder's relative file names and lengths in ordinal order. Other formats never do:
/// beside <c>a.svs</c> a folder <c>a</c> may be anything, results of a run too. Of Hamamatsu's .vms and .vmu only the file itself counts, not
/// the pictures that it names. Reads 5.5 MiB at most.
/// An edit of a few bytes in the middle of a large file may stay unseen: this guards against mix-ups, not against forgery.
/// </remarks>
public static class SlideFingerprint
{
    private const int EdgeBytes = 1 << 20;
    private const int SampleBytes = 256 << 10;
    private const int Samples = 14;

    /// <returns>64 lower-case hexadecimal digits.</returns>
    /// <exception cref="SlideFormatException">The file does not exist.</exception>
    public static string Compute(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        SlideFile.ThrowIfMissing(path);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        AppendNumber(hash, file.Length);
        byte[] buffer = new byte[EdgeBytes];
        foreach ((long start, int count) in Blocks(file.Length))
        {
            file.Position = start;
            file.ReadExactly(buffer, 0, count);
            hash.AppendData(buffer, 0, count);
        }

        if (Path.GetExtension(path).Equals(".mrxs", StringComparison.OrdinalIgnoreCase))
        {
            AppendCompanionFolder(hash, Path.ChangeExtension(path, null));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    internal static IEnumerable<(long Start, int Count)> Blocks(long length)
    {
        if (length <= (2L * EdgeBytes) + ((long)Samples * SampleBytes))
        {
            for (long start = 0; start < length; start += EdgeBytes)
            {
                yield return (start, (int)Math.Min(EdgeBytes, length - start));
            }

            yield break;
        }

        yield return (0, EdgeBytes);
        long span = length - (2L * EdgeBytes) - SampleBytes;
        for (int i = 0; i < Samples; i++)
        {
            yield return (EdgeBytes + (long)((Int128)span * i / (Samples - 1)), SampleBytes);
        }

        yield return (length - EdgeBytes, EdgeBytes);
    }

    private static void AppendCompanionFolder(IncrementalHash hash, string folder)
    {
        if (!Directory.Exists(folder))
        {
            return;
        }

        IEnumerable<(string Name, long Length)> files = new DirectoryInfo(folder)
            .EnumerateFiles("*", SearchOption.AllDirectories)
            .Select(f => (Name: Path.GetRelativePath(folder, f.FullName).Replace('\\', '/'), f.Length))
            .OrderBy(f => f.Name, StringComparer.Ordinal);
        foreach ((string name, long length) in files)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(name + "\n"));
            AppendNumber(hash, length);
        }
    }

    private static void AppendNumber(IncrementalHash hash, long value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        hash.AppendData(bytes);
    }
}
