using System.Buffers;

namespace SlideMesh.Inference.LibTorch;

/// <summary>Memory of libtorch's, page-locked where a GPU reads and writes it.</summary>
internal sealed unsafe class TorchHostMemory<T> : MemoryManager<T>
    where T : unmanaged
{
    private readonly TorchHostHandle _handle;
    private readonly nint _data;
    private readonly int _length;

    /// <exception cref="Engines.InferenceException">No memory.</exception>
    public TorchHostMemory(TorchContext context, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        TorchApi.Check(TorchApi.smt_host_allocate(context.Handle, (long)length * sizeof(T), out _handle, out _data, out TorchError error), error);
        _length = length;
        GetSpan().Clear();
    }

    public override Span<T> GetSpan()
    {
        ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
        return new Span<T>((void*)_data, _length);
    }

    public override MemoryHandle Pin(int elementIndex = 0) => new((T*)_data + elementIndex);

    public override void Unpin()
    {
        // Native memory does not move.
    }

    protected override void Dispose(bool disposing) => _handle.Dispose();
}
