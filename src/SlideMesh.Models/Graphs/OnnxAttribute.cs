using System.Text;
using Google.Protobuf;

namespace SlideMesh.Models.Graphs;

/// <summary>A node's attribute. Made from a pair: <c>("axis", 1)</c>, <c>("perm", [0, 2, 1])</c>, <c>("epsilon", 1e-5f)</c>, <c>("mode", "linear")</c>.</summary>
#pragma warning disable CA2225 // A named constructor beside each pair would only be noise.
public sealed class OnnxAttribute
{
    // onnx.proto, AttributeProto: name 1, f 2, i 3, s 4, floats 7, ints 8, strings 9, type 20.
    private const int TypeFloat = 1;
    private const int TypeInt = 2;
    private const int TypeString = 3;
    private const int TypeInts = 7;
    private const int TypeStrings = 8;

    private readonly Action<CodedOutputStream> _write;

    private OnnxAttribute(string name, Action<CodedOutputStream> write)
    {
        Name = name;
        _write = write;
    }

    public string Name { get; }

    public static implicit operator OnnxAttribute((string Name, long Value) pair) => new(pair.Name, o =>
    {
        o.WriteRawTag((3 << 3) | 0);
        o.WriteInt64(pair.Value);
        WriteType(o, TypeInt);
    });

    public static implicit operator OnnxAttribute((string Name, long[] Values) pair) => new(pair.Name, o =>
    {
        foreach (long value in pair.Values)
        {
            o.WriteRawTag((8 << 3) | 0);
            o.WriteInt64(value);
        }

        WriteType(o, TypeInts);
    });

    public static implicit operator OnnxAttribute((string Name, float Value) pair) => new(pair.Name, o =>
    {
        o.WriteRawTag((2 << 3) | 5);
        o.WriteFloat(pair.Value);
        WriteType(o, TypeFloat);
    });

    public static implicit operator OnnxAttribute((string Name, string Value) pair) => new(pair.Name, o =>
    {
        o.WriteRawTag((4 << 3) | 2);
        o.WriteBytes(ByteString.CopyFrom(pair.Value, Encoding.UTF8));
        WriteType(o, TypeString);
    });

    public static implicit operator OnnxAttribute((string Name, string[] Values) pair) => new(pair.Name, o =>
    {
        foreach (string value in pair.Values)
        {
            o.WriteRawTag((9 << 3) | 2);
            o.WriteBytes(ByteString.CopyFrom(value, Encoding.UTF8));
        }

        WriteType(o, TypeStrings);
    });

    internal byte[] ToProto() => ProtoMessage.Of(o =>
    {
        o.WriteRawTag((1 << 3) | 2);
        o.WriteString(Name);
        _write(o);
    });

    private static void WriteType(CodedOutputStream o, int type)
    {
        // Field 20 has a tag of two bytes.
        o.WriteTag(20, WireFormat.WireType.Varint);
        o.WriteInt32(type);
    }
}
#pragma warning restore CA2225
