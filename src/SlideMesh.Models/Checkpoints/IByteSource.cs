namespace SlideMesh.Models.Checkpoints;

/// <summary>Bytes that a tensor lies in, read when they are wanted. Thread-safe.</summary>
internal interface IByteSource
{
    /// <summary>Bytes.</summary>
    long Length { get; }

    /// <summary>Fills <paramref name="destination"/> from <paramref name="offset"/> on; the range must lie inside.</summary>
    void Read(long offset, Span<byte> destination);
}

/// <summary>A part of an open file.</summary>
internal sealed class FileSegment : IByteSource
{
    private readonly CheckpointFile _file;
    private readonly long _start;

    /// <exception cref="CheckpointException">The part does not lie inside of the file.</exception>
    public FileSegment(CheckpointFile file, long start, long length)
    {
        if (start < 0 || length < 0 || start > file.Length - length)
        {
            throw file.Fail($"names bytes {start} to {start + length}, the file has {file.Length}; it is cut short or damaged: fetch it again.");
        }

        _file = file;
        _start = start;
        Length = length;
    }

    public long Length { get; }

    public void Read(long offset, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - destination.Length);
        _file.Read(_start + offset, destination);
    }
}
