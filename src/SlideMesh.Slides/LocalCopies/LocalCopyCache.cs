using System.Security.Cryptography;
using System.Text;

namespace SlideMesh.Slides.LocalCopies;

/// <summary>
/// Copies of slides from slow or shared storage on a local disk, least recently used out first. Several processes may share the folder:
/// every copy has a lock file, held shared while the copy is read and exclusively while it is made or removed, and the kernel gives
/// up the locks of a killed process. Thread-safe.
/// </summary>
/// <remarks>
/// <code>
/// FOLDER/.lock          held while space is found
/// FOLDER/locks/KEY      the copy's lock; its time is the last use. Never removed: a process may be waiting for it
/// FOLDER/copies/KEY/    the slide under its own name, and .verified, written last, with its SHA-256
/// </code>
/// A key is made of path, length and time of change, so that a slide that was replaced is copied anew. A copy that cannot be
/// made is no failure: the slide is then read where it lies, and the lease says why.
/// </remarks>
public sealed class LocalCopyCache
{
    /// <summary>Formats of one file each. Others (MRXS, VMS, DICOM) are read where they lie.</summary>
    private static readonly string[] SingleFileFormats = [".svs", ".tif", ".tiff", ".ndpi", ".scn", ".bif", ".svslide"];

    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);

    private readonly string _folder;
    private readonly long _capacityBytes;
    private readonly TimeProvider _time;
    private long _copies;

    /// <param name="capacityBytes">Most that all copies together may take; a single slide beyond it is read where it lies.</param>
    /// <exception cref="IOException">The folder cannot be made or written.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    public LocalCopyCache(string folder, long capacityBytes, TimeProvider? time = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacityBytes);
        _folder = Path.GetFullPath(folder);
        _capacityBytes = capacityBytes;
        _time = time ?? TimeProvider.System;
        Directory.CreateDirectory(Path.Combine(_folder, "locks"));
        Directory.CreateDirectory(Path.Combine(_folder, "copies"));
        File.WriteAllBytes(Path.Combine(_folder, ".lock"), []);
    }

    /// <summary>Copies made by this object.</summary>
    public long Copies => Interlocked.Read(ref _copies);

    /// <summary>Where to read a slide, copied first when it must be; the copy stays until the lease is disposed.</summary>
    /// <exception cref="OperationCanceledException">Stopped while copying or waiting for another process that does.</exception>
    public LocalCopy Acquire(string path, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        FileInfo source = new(path);
        if (!SingleFileFormats.Contains(source.Extension, StringComparer.OrdinalIgnoreCase))
        {
            return LocalCopy.InPlace(path, "its format may have further files");
        }

        try
        {
            return source.Exists ? Acquire(source, cancellation) : LocalCopy.InPlace(path, "there is no such file");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return LocalCopy.InPlace(path, e.Message);
        }
    }

    private LocalCopy Acquire(FileInfo source, CancellationToken cancellation)
    {
        Place place = PlaceOf(source);
        while (true)
        {
            if (FileLock.TryShare(place.Lock) is { } shared)
            {
                if (IsWhole(place, source.Length))
                {
                    File.SetLastWriteTimeUtc(place.Lock, _time.GetUtcNow().UtcDateTime);
                    return new LocalCopy(place.File, null, shared);
                }

                shared.Dispose();
                using FileLock? own = FileLock.TryOwn(place.Lock);
                if (own is not null && !IsWhole(place, source.Length) && Copy(source, place, cancellation) is { } reason)
                {
                    return LocalCopy.InPlace(source.FullName, reason);
                }

                if (own is not null)
                {
                    continue;
                }
            }

            // Another process copies or removes it.
            cancellation.WaitHandle.WaitOne(Poll);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Finished, and of the right length; its content was verified when it was made.</summary>
    private static bool IsWhole(Place place, long length) =>
        File.Exists(place.Verified) && new FileInfo(place.File) is { Exists: true } file && file.Length == length
        && File.ReadAllText(place.Verified) == SlideFingerprintLine(place.File);

    /// <summary>A sample of the content: catches a disk that lost blocks, without reading gigabytes at every use.</summary>
    private static string SlideFingerprintLine(string file) => Pyramid.SlideFingerprint.Compute(file) + "\n";

    /// <returns>Null when the copy is there, else why it is not.</returns>
    private string? Copy(FileInfo source, Place place, CancellationToken cancellation)
    {
        if (!TryReserve(place, source.Length, cancellation))
        {
            return "the cache is full of slides in use";
        }

        try
        {
            DateTime changed = source.LastWriteTimeUtc;
            byte[] read = CopyAndHash(source.FullName, place.File, source.Length, cancellation);
            source.Refresh();
            if (!source.Exists || source.LastWriteTimeUtc != changed || source.Length != new FileInfo(place.File).Length)
            {
                Remove(place);
                return "it changed while it was copied";
            }

            if (!read.AsSpan().SequenceEqual(Hash(place.File, cancellation)))
            {
                Remove(place);
                return "its copy does not hold what was written";
            }

            File.WriteAllText(place.Verified + ".part", SlideFingerprintLine(place.File));
            File.Move(place.Verified + ".part", place.Verified, overwrite: true);
            Interlocked.Increment(ref _copies);
            return null;
        }
        catch
        {
            Remove(place);
            throw;
        }
    }

    /// <summary>Makes room and takes it, by a file of the wanted length. The caller owns the place's lock.</summary>
    private bool TryReserve(Place place, long length, CancellationToken cancellation)
    {
        if (length > _capacityBytes)
        {
            return false;
        }

        using FileLock all = FileLock.Wait(Path.Combine(_folder, ".lock"), Poll, cancellation);
        Remove(place);
        (Place Place, long Bytes, DateTime Used)[] copies =
        [
            .. Directory.EnumerateDirectories(Path.Combine(_folder, "copies"))
                .Select(d => new Place(_folder, Path.GetFileName(d), "-"))
                .Select(p => (p, Directory.EnumerateFiles(p.Folder).Sum(f => new FileInfo(f).Length), File.GetLastWriteTimeUtc(p.Lock)))
                .OrderBy(c => c.Item3),
        ];
        long used = copies.Sum(c => c.Bytes);
        foreach ((Place oldest, long bytes, _) in copies)
        {
            if (used <= _capacityBytes - length)
            {
                break;
            }

            using FileLock? owned = FileLock.TryOwn(oldest.Lock);
            if (owned is not null)
            {
                Remove(oldest);
                used -= bytes;
            }
        }

        if (used > _capacityBytes - length)
        {
            return false;
        }

        Directory.CreateDirectory(place.Folder);
        using FileStream file = File.Create(place.File);
        file.SetLength(length);
        return true;
    }

    private static void Remove(Place place)
    {
        if (Directory.Exists(place.Folder))
        {
            // The mark first: what is left by a process killed here is then no copy.
            File.Delete(place.Verified);
            Directory.Delete(place.Folder, recursive: true);
        }
    }

    private static byte[] CopyAndHash(string from, string to, long length, CancellationToken cancellation)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using FileStream source = new(from, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0, FileOptions.SequentialScan);
        using FileStream target = new(to, FileMode.Open, FileAccess.Write, FileShare.None, bufferSize: 0);
        byte[] buffer = new byte[4 << 20];
        for (long left = length; left > 0;)
        {
            cancellation.ThrowIfCancellationRequested();
            int read = source.Read(buffer, 0, (int)Math.Min(buffer.Length, left));
            if (read == 0)
            {
                throw new IOException("it became shorter while it was copied");
            }

            hash.AppendData(buffer, 0, read);
            target.Write(buffer, 0, read);
            left -= read;
        }

        target.Flush(flushToDisk: true);
        return hash.GetHashAndReset();
    }

    private static byte[] Hash(string path, CancellationToken cancellation)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        byte[] buffer = new byte[4 << 20];
        for (int read; (read = file.Read(buffer, 0, buffer.Length)) > 0;)
        {
            cancellation.ThrowIfCancellationRequested();
            hash.AppendData(buffer, 0, read);
        }

        return hash.GetHashAndReset();
    }

    private Place PlaceOf(FileInfo source)
    {
        string text = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{source.FullName}\n{source.Length}\n{source.LastWriteTimeUtc.Ticks}");
        return new Place(_folder, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..32], source.Name);
    }

    private readonly record struct Place(string Root, string Key, string Name)
    {
        public string Lock => Path.Combine(Root, "locks", Key);

        public string Folder => Path.Combine(Root, "copies", Key);

        public string File => Path.Combine(Folder, Name);

        public string Verified => Path.Combine(Folder, ".verified");
    }
}
