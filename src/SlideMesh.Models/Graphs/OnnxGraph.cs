using Google.Protobuf;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Models.Graphs;

/// <summary>A tensor inside of a graph under construction.</summary>
public readonly record struct GraphValue(string Name);

/// <summary>
/// Builds an ONNX graph node by node and writes it. The same calls give the same bytes: names are counted, nothing depends on time,
/// hashes or the machine. Float32; −1 in a shape is free. Not thread-safe.
/// </summary>
public sealed class OnnxGraph
{
    /// <summary>
    /// Opset of every graph we write. 17 is the first with LayerNormalization, and the last in which every runtime that reads packages
    /// today (ONNX Runtime 1.16 on) agrees about all the operators that are used here.
    /// </summary>
    public const int Opset = 17;

    private readonly List<byte[]> _nodes = [];
    private readonly List<Initialiser> _initialisers = [];
    private readonly List<TensorSpec> _inputs = [];
    private readonly List<(TensorSpec Spec, GraphValue Value)> _outputs = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, GraphValue> _constants = new(StringComparer.Ordinal);
    private int _counter;

    /// <param name="name">Of the graph, for those who look into the file.</param>
    public OnnxGraph(string name) => Name = name;

    public string Name { get; }

    public IReadOnlyList<TensorSpec> Inputs => _inputs;

    public IReadOnlyList<TensorSpec> Outputs => [.. _outputs.Select(o => o.Spec)];

    internal IReadOnlyList<byte[]> Nodes => _nodes;

    internal IReadOnlyList<Initialiser> Initialisers => _initialisers;

    public GraphValue Input(string name, params long[] shape)
    {
        _inputs.Add(new TensorSpec(name, shape));
        return new GraphValue(Reserve(name));
    }

    /// <summary>Makes a value an output of the graph under the name that the package format asks for.</summary>
    public void Output(string name, GraphValue value, params long[] shape)
    {
        _outputs.Add((new TensorSpec(name, shape), value));
        AddNode("Identity", [value], [Reserve(name)], []);
    }

    /// <summary>Numbers of the checkpoint, read when the graph is written. A name that is taken gets a number behind it.</summary>
    public GraphValue Weight(Weight weight)
    {
        ArgumentNullException.ThrowIfNull(weight);
        string name = weight.Name;
        for (int i = 2; !_names.Add(name); i++)
        {
            name = $"{weight.Name}.{i}";
        }

        _initialisers.Add(new Initialiser(name, [.. weight.Shape], ElementKind.Float, weight.Count * sizeof(float), weight.Load, null));
        return new GraphValue(name);
    }

    /// <summary>Whole numbers, e.g. a shape or axes; a vector. Equal ones are written once.</summary>
    public GraphValue Integers(params long[] values) => Integers([values.Length], values);

    /// <summary>A whole number without dimensions.</summary>
    public GraphValue Integer(long value) => Integers([], [value]);

    /// <summary>A number without dimensions.</summary>
    public GraphValue Scalar(float value)
    {
        string key = $"f:{BitConverter.SingleToUInt32Bits(value)}";
        if (!_constants.TryGetValue(key, out GraphValue known))
        {
            known = new GraphValue(Reserve($"const{_constants.Count}"));
            _initialisers.Add(new Initialiser(known.Name, [], ElementKind.Float, sizeof(float), () => [value], null));
            _constants.Add(key, known);
        }

        return known;
    }

    /// <summary>Adds a node with one output.</summary>
    public GraphValue Node(string type, GraphValue[] inputs, params OnnxAttribute[] attributes) => Node(type, inputs, 1, attributes)[0];

    /// <summary>Adds a node with several outputs. An input with an empty name is an optional one left out.</summary>
    public GraphValue[] Node(string type, GraphValue[] inputs, int outputs, params OnnxAttribute[] attributes)
    {
        string[] names = [.. Enumerable.Range(0, outputs).Select(_ => Reserve($"v{_counter++}"))];
        AddNode(type, inputs, names, attributes);
        return [.. names.Select(n => new GraphValue(n))];
    }

    /// <summary>An optional input that is left out, where a later one is given.</summary>
    public static GraphValue None => new("");

    private GraphValue Integers(long[] shape, long[] values)
    {
        string key = $"i:{shape.Length}:{string.Join(',', values)}";
        if (!_constants.TryGetValue(key, out GraphValue known))
        {
            known = new GraphValue(Reserve($"const{_constants.Count}"));
            _initialisers.Add(new Initialiser(known.Name, shape, ElementKind.Int64, values.LongLength * sizeof(long), null, values));
            _constants.Add(key, known);
        }

        return known;
    }

    private void AddNode(string type, GraphValue[] inputs, string[] outputs, OnnxAttribute[] attributes)
    {
        foreach (GraphValue input in inputs)
        {
            if (input.Name is null || (input.Name.Length > 0 && !_names.Contains(input.Name)))
            {
                throw new ArgumentException($"Graph '{Name}' has no tensor '{input.Name}' for a {type} node.", nameof(inputs));
            }
        }

        // onnx.proto, NodeProto: input 1, output 2, name 3, op_type 4, attribute 5.
        _nodes.Add(ProtoMessage.Of(o =>
        {
            foreach (GraphValue input in inputs)
            {
                o.WriteString(1, input.Name);
            }

            foreach (string output in outputs)
            {
                o.WriteString(2, output);
            }

            o.WriteString(3, $"{type}_{_nodes.Count}");
            o.WriteString(4, type);
            foreach (OnnxAttribute attribute in attributes)
            {
                o.WriteMessage(5, attribute.ToProto());
            }
        }));
    }

    private string Reserve(string name) => _names.Add(name) ? name : throw new ArgumentException($"Graph '{Name}' has a tensor '{name}' already.", nameof(name));

    internal enum ElementKind
    {
        // onnx.proto, TensorProto.DataType.
        Float = 1,
        Int64 = 7,
    }

    /// <param name="Floats">Loads the numbers; null for integers.</param>
    internal sealed record Initialiser(string Name, long[] Shape, ElementKind Kind, long Bytes, Func<float[]>? Floats, long[]? Integers);
}
