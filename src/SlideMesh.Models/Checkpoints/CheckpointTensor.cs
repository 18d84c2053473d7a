using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace SlideMesh.Models.Checkpoints;

/// <summary>
/// A named tensor of a checkpoint. Nothing of it is in memory before <see cref="Load"/>; where it lies was checked when the
/// checkpoint was opened. Thread-safe.
/// </summary>
public sealed class CheckpointTensor
{
    private const int BlockBytes = 1 << 20;

    private readonly IByteSource _source;
    private readonly long _offset;
    private readonly long[] _strides;

    /// <param name="offset">First element, in elements from the start of <paramref name="source"/>.</param>
    /// <param name="strides">Elements to the next index of each dimension; null: row-major without gaps.</param>
    /// <exception cref="ArgumentException">The tensor does not lie in its source, or repeats elements to more than fits the source.</exception>
    internal CheckpointTensor(string name, TensorElementType type, long[] shape, IByteSource source, long offset = 0, long[]? strides = null)
    {
        Name = name;
        ElementType = type;
        Shape = shape;
        _source = source;
        _offset = offset;
        _strides = strides ?? RowMajor(shape);
        Count = TensorBounds.Check(shape, _strides, offset, source.Length / type.Size());
    }

    private CheckpointTensor(string name, CheckpointTensor other)
    {
        Name = name;
        ElementType = other.ElementType;
        Shape = other.Shape;
        Count = other.Count;
        _source = other._source;
        _offset = other._offset;
        _strides = other._strides;
    }

    public string Name { get; }

    /// <summary>As stored; <see cref="Load"/> gives float32 of any of them.</summary>
    public TensorElementType ElementType { get; }

    /// <summary>Empty for a scalar.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>Elements.</summary>
    public long Count { get; }

    /// <summary>The same tensor under another name.</summary>
    public CheckpointTensor Named(string name) => new(name, this);

    /// <summary>All elements as float32, row-major. Half and bfloat16 are exact; double and integers are rounded to nearest.</summary>
    /// <exception cref="CheckpointException">The file cannot be read.</exception>
    public float[] Load()
    {
        float[] values = new float[Count];
        if (Count == 0)
        {
            return values;
        }

        if (_strides.AsSpan().SequenceEqual(RowMajor(Shape)))
        {
            ReadRun(_offset, values);
        }
        else
        {
            ReadStrided(values);
        }

        return values;
    }

    private static long[] RowMajor(IReadOnlyList<long> shape)
    {
        long[] strides = new long[shape.Count];
        long step = 1;
        for (int i = strides.Length - 1; i >= 0; i--)
        {
            strides[i] = step;
            step = unchecked(step * Math.Max(shape[i], 1));
        }

        return strides;
    }

    /// <summary>Elements one after another from <paramref name="first"/> on.</summary>
    private void ReadRun(long first, Span<float> values)
    {
        int size = ElementType.Size();
        if (ElementType == TensorElementType.Float32)
        {
            // A span of bytes cannot be longer than 2 GiB, so a large tensor goes in parts.
            for (int done = 0; done < values.Length;)
            {
                int part = Math.Min(values.Length - done, 1 << 28);
                _source.Read((first + done) * size, MemoryMarshal.AsBytes(values.Slice(done, part)));
                done += part;
            }

            return;
        }

        byte[] block = ArrayPool<byte>.Shared.Rent(BlockBytes);
        try
        {
            for (int done = 0; done < values.Length;)
            {
                int part = Math.Min(values.Length - done, BlockBytes / size);
                Span<byte> bytes = block.AsSpan(0, part * size);
                _source.Read((first + done) * size, bytes);
                Convert(bytes, values.Slice(done, part));
                done += part;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(block);
        }
    }

    /// <summary>Reads the range that the tensor spans, which lies inside of the file, and picks its elements.</summary>
    private void ReadStrided(float[] values)
    {
        long span = 1;
        for (int i = 0; i < Shape.Count; i++)
        {
            span += (Shape[i] - 1) * _strides[i];
        }

        float[] run = new float[span];
        ReadRun(_offset, run);
        long[] index = new long[Shape.Count];
        long at = 0;
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = run[at];
            for (int d = index.Length - 1; d >= 0; d--)
            {
                at += _strides[d];
                if (++index[d] < Shape[d])
                {
                    break;
                }

                at -= _strides[d] * Shape[d];
                index[d] = 0;
            }
        }
    }

    private void Convert(ReadOnlySpan<byte> bytes, Span<float> values)
    {
        switch (ElementType)
        {
            case TensorElementType.Float16:
                TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(bytes), values);
                break;
            case TensorElementType.BFloat16:
                ReadOnlySpan<ushort> halves = MemoryMarshal.Cast<byte, ushort>(bytes);
                for (int i = 0; i < values.Length; i++)
                {
                    values[i] = BitConverter.UInt32BitsToSingle((uint)halves[i] << 16);
                }

                break;
            case TensorElementType.Float64:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, double>(bytes), values);
                break;
            case TensorElementType.Int64:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, long>(bytes), values);
                break;
            case TensorElementType.Int32:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, int>(bytes), values);
                break;
            case TensorElementType.Int16:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, short>(bytes), values);
                break;
            case TensorElementType.Int8:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, sbyte>(bytes), values);
                break;
            case TensorElementType.UInt8:
                TensorPrimitives.ConvertTruncating(bytes, values);
                break;
            default:
                for (int i = 0; i < values.Length; i++)
                {
                    values[i] = bytes[i] == 0 ? 0 : 1;
                }

                break;
        }
    }
}
