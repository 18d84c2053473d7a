using System.Buffers;
using System.IO.MemoryMappedFiles;

namespace SlideMesh.Inference.LibTorch.Onnx;

/// <summary>A file of at most 2 GiB as memory, paged in where it is read: weights of a gigabyte do not pass through the managed heap.</summary>
internal sealed unsafe class MappedFile : MemoryManager<byte>
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _pointer;
    private readonly int _length;
    private bool _disposed;

    private MappedFile(MemoryMappedFile file, MemoryMappedViewAccessor view, int length)
    {
        _file = file;
        _view = view;
        _length = length;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref _pointer);
        _pointer += view.PointerOffset;
    }

    /// <param name="offset">First byte.</param>
    /// <param name="length">Bytes; null: to the end of the file.</param>
    /// <exception cref="OnnxException">The range lies outside of the file or is longer than 2 GiB.</exception>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public static MappedFile Open(string path, long offset = 0, long? length = null)
    {
        long size = new FileInfo(path).Length;
        long wanted = length ?? (size - offset);
        if (offset < 0 || wanted <= 0 || offset > size || wanted > size - offset || wanted > int.MaxValue)
        {
            throw new OnnxException($"bytes {offset} to {offset + wanted} of a file of {size} bytes cannot be read (an empty, truncated or too large file)");
        }

        MemoryMappedFile file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, mapName: null, capacity: 0, MemoryMappedFileAccess.Read);
        try
        {
            return new MappedFile(file, file.CreateViewAccessor(offset, wanted, MemoryMappedFileAccess.Read), (int)wanted);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public override Span<byte> GetSpan()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return new Span<byte>(_pointer, _length);
    }

    public override MemoryHandle Pin(int elementIndex = 0) => new(_pointer + elementIndex);

    public override void Unpin()
    {
        // Mapped memory does not move.
    }

    protected override void Dispose(bool disposing)
    {
        if (!_disposed)
        {
            _disposed = true;
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
            _view.Dispose();
            _file.Dispose();
        }
    }
}
