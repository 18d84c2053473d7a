using System.Buffers.Binary;

namespace SlideMesh.Inference.LibTorch.Onnx;

/// <summary>
/// Protobuf's wire format over bytes in memory: fields in the order of the message, nested messages as slices. Every length is checked
/// against what is left, so that a damaged file ends in an <see cref="OnnxException"/> and never in memory taken for it.
/// </summary>
internal struct ProtobufReader(ReadOnlyMemory<byte> bytes)
{
    private readonly ReadOnlyMemory<byte> _bytes = bytes;
    private int _at;

    /// <summary>Number of the field that was read last.</summary>
    public int Field { get; private set; }

    private int _wireType;

    /// <summary>Goes to the next field; its value must then be read or skipped.</summary>
    public bool Next()
    {
        if (_at == _bytes.Length)
        {
            return false;
        }

        ulong key = Varint();
        Field = key >> 3 is > 0 and < int.MaxValue and var field ? (int)field : throw Damaged();
        _wireType = (int)(key & 7);
        return true;
    }

    public long Int64() => _wireType == 0 ? (long)Varint() : throw Damaged();

    public int Int32() => (int)Int64();

    public float Single() => _wireType == 5 ? BinaryPrimitives.ReadSingleLittleEndian(Take(4).Span) : throw Damaged();

    public ReadOnlyMemory<byte> Bytes()
    {
        if (_wireType != 2)
        {
            throw Damaged();
        }

        ulong length = Varint();
        return length <= (ulong)(_bytes.Length - _at) ? Take((int)length) : throw Damaged();
    }

    public string Text(int longest = 4096)
    {
        ReadOnlyMemory<byte> utf8 = Bytes();
        return utf8.Length <= longest ? System.Text.Encoding.UTF8.GetString(utf8.Span) : throw new OnnxException($"a name of {utf8.Length} bytes is too long");
    }

    /// <summary>Adds one number, or a packed list of them.</summary>
    public void Int64s(List<long> into)
    {
        if (_wireType != 2)
        {
            into.Add(Int64());
            return;
        }

        ProtobufReader packed = new(Bytes());
        while (packed._at < packed._bytes.Length)
        {
            into.Add((long)packed.Varint());
        }
    }

    /// <inheritdoc cref="Int64s"/>
    public void Singles(List<float> into)
    {
        if (_wireType != 2)
        {
            into.Add(Single());
            return;
        }

        ReadOnlySpan<byte> packed = Bytes().Span;
        if (packed.Length % 4 != 0)
        {
            throw Damaged();
        }

        for (int i = 0; i < packed.Length; i += 4)
        {
            into.Add(BinaryPrimitives.ReadSingleLittleEndian(packed[i..]));
        }
    }

    public void Skip()
    {
        switch (_wireType)
        {
            case 0:
                Varint();
                break;
            case 1:
                Take(8);
                break;
            case 2:
                Bytes();
                break;
            case 5:
                Take(4);
                break;
            default:
                throw Damaged();
        }
    }

    private ulong Varint()
    {
        ReadOnlySpan<byte> span = _bytes.Span;
        ulong value = 0;
        for (int shift = 0; shift < 70 && _at < span.Length; shift += 7)
        {
            byte b = span[_at++];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
            {
                return value;
            }
        }

        throw Damaged();
    }

    private ReadOnlyMemory<byte> Take(int length)
    {
        if (length > _bytes.Length - _at)
        {
            throw Damaged();
        }

        ReadOnlyMemory<byte> taken = _bytes.Slice(_at, length);
        _at += length;
        return taken;
    }

    private static OnnxException Damaged() => new("is not a sound ONNX file (damaged or truncated)");
}
