using SlideMesh.Models.Checkpoints;

namespace SlideMesh.Models.Tests.Checkpoints;

/// <summary>A tensor's bytes in memory.</summary>
internal sealed class MemoryBytes(byte[] bytes) : IByteSource
{
    public long Length => bytes.Length;

    public void Read(long offset, Span<byte> destination) => bytes.AsSpan((int)offset, destination.Length).CopyTo(destination);
}
