using System.Buffers.Binary;
using System.Text;

namespace SlideMesh.Models.Checkpoints.Pickle;

/// <summary>Bytes of a pickle, read forward in blocks. A length that goes past the end is refused before memory is taken.</summary>
internal sealed class PickleInput(CheckpointFile file, IByteSource source)
{
    private static readonly UTF8Encoding Utf8 = new(false, throwOnInvalidBytes: true);

    private readonly byte[] _block = new byte[1 << 16];
    private int _at;
    private int _held;
    private long _next;

    /// <summary>Of the next byte, from the start of the source.</summary>
    public long Position => _next - _held + _at;

    public long Remaining => source.Length - Position;

    public byte Byte()
    {
        if (_at == _held)
        {
            _held = (int)Math.Min(_block.Length, source.Length - _next);
            _at = 0;
            if (_held == 0)
            {
                throw CutShort();
            }

            source.Read(_next, _block.AsSpan(0, _held));
            _next += _held;
        }

        return _block[_at++];
    }

    public byte[] Bytes(long count)
    {
        if (count < 0 || count > Remaining || count > Array.MaxLength)
        {
            throw CutShort();
        }

        byte[] bytes = new byte[count];
        int held = (int)Math.Min(count, _held - _at);
        _block.AsSpan(_at, held).CopyTo(bytes);
        _at += held;
        source.Read(Position, bytes.AsSpan(held));
        if (held < count)
        {
            _next += count - held;
            _at = _held = 0;
        }

        return bytes;
    }

    public void Skip(long count)
    {
        if (count < 0 || count > Remaining)
        {
            throw CutShort();
        }

        _next = Position + count;
        _at = _held = 0;
    }

    public ushort UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2));

    public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(Bytes(4));

    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4));

    public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(Bytes(8));

    public double Double() => BinaryPrimitives.ReadDoubleBigEndian(Bytes(8));

    public string Text(long bytes)
    {
        try
        {
            return Utf8.GetString(Bytes(bytes));
        }
        catch (ArgumentException e)
        {
            throw file.Fail("holds a text that is not UTF-8; it is damaged: fetch it again.", e);
        }
    }

    /// <summary>Up to the next line feed, without it.</summary>
    public string Line()
    {
        const int Longest = 4096;
        StringBuilder text = new();
        for (byte b = Byte(); b != '\n'; b = Byte())
        {
            if (text.Length == Longest || b > 126)
            {
                throw file.Fail("names something in a way that no checkpoint does; it is refused.");
            }

            text.Append((char)b);
        }

        return text.ToString();
    }

    private CheckpointException CutShort() => file.Fail("is cut short: its pickle goes past the end; fetch it again.");
}
