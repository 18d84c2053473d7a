using System.Runtime.InteropServices;

namespace SlideMesh.Inference.LibTorch.Onnx;

/// <summary>
/// Reads what inference needs of an ONNX file (onnx.proto, IR version 3 to 12): nodes, attributes, initializers and external data. Names,
/// counts and ranks are bounded; weights stay in the mapped file. Dispose when the graph has been used.
/// </summary>
internal sealed class OnnxReader : IDisposable
{
    private const int MostNodes = 200_000;
    private const int MostRank = 8;

    private readonly string _folder;
    private readonly MappedFile _file;
    private readonly Dictionary<(string Location, long Offset, long? Length), MappedFile> _external = [];

    /// <exception cref="OnnxException">The file is damaged or holds what is not covered.</exception>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public OnnxReader(string path)
    {
        _folder = Path.GetDirectoryName(Path.GetFullPath(path)) ?? "";
        _file = MappedFile.Open(path);
        try
        {
            Graph = ReadModel(_file.Memory);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public OnnxGraph Graph { get; }

    public void Dispose()
    {
        foreach (MappedFile external in _external.Values)
        {
            ((IDisposable)external).Dispose();
        }

        ((IDisposable)_file).Dispose();
    }

    private OnnxGraph ReadModel(ReadOnlyMemory<byte> bytes)
    {
        int opset = 0;
        ReadOnlyMemory<byte>? graph = null;
        ProtobufReader model = new(bytes);
        while (model.Next())
        {
            switch (model.Field)
            {
                case 7:
                    graph = model.Bytes();
                    break;
                case 8:
                    (string domain, int version) = ReadOpset(model.Bytes());
                    opset = domain is "" or "ai.onnx" ? version : opset;
                    break;
                case 25:
                    throw new OnnxException("holds functions of its own, which are not covered; export it without them");
                default:
                    model.Skip();
                    break;
            }
        }

        if (graph is null || opset == 0)
        {
            throw new OnnxException("is not an ONNX file: it holds no graph");
        }

        return opset is >= 13 and <= 25
            ? ReadGraph(graph.Value, opset)
            : throw new OnnxException($"is of opset {opset}; 13 to 25 are covered");
    }

    private static (string Domain, int Version) ReadOpset(ReadOnlyMemory<byte> bytes)
    {
        string domain = "";
        int version = 0;
        ProtobufReader opset = new(bytes);
        while (opset.Next())
        {
            switch (opset.Field)
            {
                case 1:
                    domain = opset.Text();
                    break;
                case 2:
                    version = opset.Int32();
                    break;
                default:
                    opset.Skip();
                    break;
            }
        }

        return (domain, version);
    }

    private OnnxGraph ReadGraph(ReadOnlyMemory<byte> bytes, int opset)
    {
        List<OnnxNode> nodes = [];
        Dictionary<string, OnnxTensor> initializers = new(StringComparer.Ordinal);
        List<OnnxValueInfo> inputs = [];
        List<OnnxValueInfo> outputs = [];
        ProtobufReader graph = new(bytes);
        while (graph.Next())
        {
            switch (graph.Field)
            {
                case 1 when nodes.Count == MostNodes:
                    throw new OnnxException($"has more than {MostNodes} nodes");
                case 1:
                    nodes.Add(ReadNode(graph.Bytes()));
                    break;
                case 5:
                    (string name, OnnxTensor tensor) = ReadTensor(graph.Bytes());
                    initializers[name] = tensor;
                    break;
                case 11:
                    inputs.Add(ReadValueInfo(graph.Bytes()));
                    break;
                case 12:
                    outputs.Add(ReadValueInfo(graph.Bytes()));
                    break;
                case 15:
                    throw new OnnxException("holds sparse weights, which are not covered");
                default:
                    graph.Skip();
                    break;
            }
        }

        return new OnnxGraph(opset, [.. inputs.Where(input => !initializers.ContainsKey(input.Name))], outputs, initializers, nodes);
    }

    private OnnxNode ReadNode(ReadOnlyMemory<byte> bytes)
    {
        List<string> inputs = [];
        List<string> outputs = [];
        Dictionary<string, OnnxAttribute> attributes = new(StringComparer.Ordinal);
        string type = "";
        string domain = "";
        ProtobufReader node = new(bytes);
        while (node.Next())
        {
            switch (node.Field)
            {
                case 1:
                    inputs.Add(node.Text());
                    break;
                case 2:
                    outputs.Add(node.Text());
                    break;
                case 4:
                    type = node.Text();
                    break;
                case 5:
                    (string name, OnnxAttribute attribute) = ReadAttribute(node.Bytes());
                    attributes[name] = attribute;
                    break;
                case 7:
                    domain = node.Text();
                    break;
                default:
                    node.Skip();
                    break;
            }
        }

        return new OnnxNode(type, domain is "ai.onnx" ? "" : domain, inputs, outputs, attributes);
    }

    private (string Name, OnnxAttribute Attribute) ReadAttribute(ReadOnlyMemory<byte> bytes)
    {
        string name = "";
        OnnxAttribute attribute = new();
        List<long> ints = [];
        List<float> floats = [];
        ProtobufReader reader = new(bytes);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    name = reader.Text();
                    break;
                case 2:
                    attribute = attribute with { Float = reader.Single() };
                    break;
                case 3:
                    attribute = attribute with { Int = reader.Int64() };
                    break;
                case 4:
                    attribute = attribute with { Text = reader.Text(longest: 1 << 16) };
                    break;
                case 5:
                    attribute = attribute with { Tensor = ReadTensor(reader.Bytes()).Tensor };
                    break;
                case 6 or 11:
                    reader.Skip();
                    attribute = attribute with { IsGraph = true };
                    break;
                case 7:
                    reader.Singles(floats);
                    break;
                case 8:
                    reader.Int64s(ints);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return (name, attribute with { Ints = ints, Floats = floats });
    }

    private (string Name, OnnxTensor Tensor) ReadTensor(ReadOnlyMemory<byte> bytes)
    {
        string name = "";
        List<long> shape = [];
        OnnxType type = 0;
        ReadOnlyMemory<byte>? raw = null;
        List<float> floats = [];
        List<long> whole = [];
        List<byte[]> doubles = [];
        Dictionary<string, string> external = new(StringComparer.Ordinal);
        ProtobufReader tensor = new(bytes);
        while (tensor.Next())
        {
            switch (tensor.Field)
            {
                case 1:
                    tensor.Int64s(shape);
                    break;
                case 2:
                    type = (OnnxType)tensor.Int32();
                    break;
                case 4:
                    tensor.Singles(floats);
                    break;
                case 5 or 7:
                    tensor.Int64s(whole);
                    break;
                case 8:
                    name = tensor.Text();
                    break;
                case 9:
                    raw = tensor.Bytes();
                    break;
                case 10:
                    doubles.Add(tensor.Bytes().ToArray());
                    break;
                case 13:
                    (string key, string value) = ReadPair(tensor.Bytes());
                    external[key] = value;
                    break;
                default:
                    tensor.Skip();
                    break;
            }
        }

        CheckShape(name, shape);
        long length = checked(shape.Aggregate((long)OnnxTensor.ElementBytes(type), (product, extent) => checked(product * extent)));
        ReadOnlyMemory<byte> data = external.Count > 0 ? ReadExternal(external, length)
            : raw ?? Pack(type, floats, whole, doubles);
        return data.Length == length
            ? (name, new OnnxTensor(type, shape, data))
            : throw new OnnxException($"weight '{name}' has {data.Length} bytes, its shape [{string.Join(", ", shape)}] takes {length}");
    }

    private static void CheckShape(string name, List<long> shape)
    {
        double elements = shape.Aggregate(1.0, (product, extent) => product * Math.Max(extent, 1));
        if (shape.Count > MostRank || shape.Any(extent => extent < 0) || elements > int.MaxValue)
        {
            throw new OnnxException($"weight '{name}' has a shape that makes no sense: [{string.Join(", ", shape.Take(MostRank + 1))}]");
        }
    }

    private static byte[] Pack(OnnxType type, List<float> floats, List<long> whole, List<byte[]> doubles) => type switch
    {
        OnnxType.Float => MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(floats)).ToArray(),
        OnnxType.Int64 => MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(whole)).ToArray(),
        OnnxType.Int32 => MemoryMarshal.AsBytes<int>(whole.ConvertAll(v => (int)v).ToArray()).ToArray(),
        OnnxType.Bool or OnnxType.UInt8 => [.. whole.Select(v => (byte)v)],
        OnnxType.Float16 or OnnxType.BFloat16 => MemoryMarshal.AsBytes<ushort>(whole.ConvertAll(v => (ushort)v).ToArray()).ToArray(),
        _ => [.. doubles.SelectMany(d => d)],
    };

    private static (string Key, string Value) ReadPair(ReadOnlyMemory<byte> bytes)
    {
        string key = "";
        string value = "";
        ProtobufReader pair = new(bytes);
        while (pair.Next())
        {
            switch (pair.Field)
            {
                case 1:
                    key = pair.Text();
                    break;
                case 2:
                    value = pair.Text();
                    break;
                default:
                    pair.Skip();
                    break;
            }
        }

        return (key, value);
    }

    private ReadOnlyMemory<byte> ReadExternal(Dictionary<string, string> external, long length)
    {
        string location = external.GetValueOrDefault("location", "");
        // The package check lists and hashes these files; a graph outside of a package must not reach out of its folder either.
        if (location.Length == 0 || Path.IsPathRooted(location) || location.Split('/', '\\').Contains(".."))
        {
            throw new OnnxException($"keeps weights in '{location}', which leaves its folder");
        }

        if (!TryNumber(external, "offset", 0, out long offset) || !TryNumber(external, "length", length, out long stored) || stored != length)
        {
            throw new OnnxException($"names a range of '{location}' that makes no sense");
        }

        if (length == 0)
        {
            return default;
        }

        if (!_external.TryGetValue((location, offset, length), out MappedFile? file))
        {
            file = MappedFile.Open(Path.Combine(_folder, location), offset, length);
            _external.Add((location, offset, length), file);
        }

        return file.Memory;
    }

    private static bool TryNumber(Dictionary<string, string> pairs, string key, long otherwise, out long value)
    {
        value = otherwise;
        return !pairs.TryGetValue(key, out string? text)
            || (long.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out value) && value >= 0);
    }

    private static OnnxValueInfo ReadValueInfo(ReadOnlyMemory<byte> bytes)
    {
        string name = "";
        OnnxType type = 0;
        List<long>? shape = null;
        ProtobufReader info = new(bytes);
        while (info.Next())
        {
            switch (info.Field)
            {
                case 1:
                    name = info.Text();
                    break;
                case 2:
                    (type, shape) = ReadType(info.Bytes());
                    break;
                default:
                    info.Skip();
                    break;
            }
        }

        return new OnnxValueInfo(name, type, shape);
    }

    private static (OnnxType Type, List<long>? Shape) ReadType(ReadOnlyMemory<byte> bytes)
    {
        OnnxType element = 0;
        List<long>? shape = null;
        ProtobufReader type = new(bytes);
        while (type.Next())
        {
            if (type.Field != 1)
            {
                type.Skip();
                continue;
            }

            ProtobufReader tensor = new(type.Bytes());
            while (tensor.Next())
            {
                switch (tensor.Field)
                {
                    case 1:
                        element = (OnnxType)tensor.Int32();
                        break;
                    case 2:
                        shape = ReadShape(tensor.Bytes());
                        break;
                    default:
                        tensor.Skip();
                        break;
                }
            }
        }

        return (element, shape);
    }

    private static List<long> ReadShape(ReadOnlyMemory<byte> bytes)
    {
        List<long> shape = [];
        ProtobufReader reader = new(bytes);
        while (reader.Next())
        {
            if (reader.Field != 1)
            {
                reader.Skip();
                continue;
            }

            long extent = -1;
            ProtobufReader dimension = new(reader.Bytes());
            while (dimension.Next())
            {
                if (dimension.Field == 1)
                {
                    extent = dimension.Int64();
                }
                else
                {
                    dimension.Skip();
                }
            }

            shape.Add(extent < 0 ? -1 : extent);
        }

        return shape;
    }
}
