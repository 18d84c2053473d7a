using System.Text;
using SlideMesh.Inference.LibTorch.Onnx;

namespace SlideMesh.Inference.LibTorch.TorchScript;

/// <summary>Lines of a program under way, and what the names of the graph stand for.</summary>
internal sealed class ScriptWriter
{
    private readonly OnnxGraph _graph;
    private readonly StringBuilder _body = new();
    private readonly Dictionary<string, ScriptValue> _values = new(StringComparer.Ordinal);
    private readonly Dictionary<OnnxTensor, string> _weights = new(ReferenceEqualityComparer.Instance);
    private readonly List<(string Name, OnnxTensor Tensor)> _registered = [];
    private int _variables;

    public ScriptWriter(OnnxGraph graph, Precision precision)
    {
        _graph = graph;
        Precision = precision;
        foreach ((string name, OnnxTensor tensor) in graph.Initializers)
        {
            _values[name] = new ConstantValue(tensor);
        }

        for (int i = 0; i < graph.Inputs.Count; i++)
        {
            _values[graph.Inputs[i].Name] = new TensorValue($"i{i}");
        }
    }

    public Precision Precision { get; }

    public int Opset => _graph.Opset;

    /// <summary>The device that the inputs, and so all computed tensors, are on.</summary>
    public string Device => _graph.Inputs.Count > 0 ? "i0.device" : throw new OnnxException("has no input");

    public ScriptValue Value(string name) => _values.TryGetValue(name, out ScriptValue? value)
        ? value
        : throw new OnnxException($"uses '{name}' before it is made");

    public void Set(string name, ScriptValue value)
    {
        if (name.Length > 0)
        {
            _values[name] = value;
        }
    }

    /// <summary>A new variable that holds a tensor.</summary>
    public string Tensor(string expression)
    {
        string name = $"v{_variables++}";
        Line($"{name} = {expression}");
        return name;
    }

    /// <summary>A new variable of type List[int].</summary>
    public string List(string expression)
    {
        string name = $"s{_variables++}";
        Line($"{name}: List[int] = {expression}");
        return name;
    }

    public void Line(string text) => _body.Append("  ").Append(text).Append('\n');

    /// <summary>A new name that no line has used.</summary>
    public string Fresh() => $"v{_variables++}";

    public string Weight(OnnxTensor tensor)
    {
        if (!_weights.TryGetValue(tensor, out string? name))
        {
            name = $"w{_registered.Count}";
            _weights.Add(tensor, name);
            _registered.Add((name, tensor));
        }

        return "self." + name;
    }

    /// <summary>A value as a tensor expression.</summary>
    public string AsTensor(ScriptValue value) => value switch
    {
        TensorValue tensor => tensor.Name,
        ConstantValue constant => Weight(constant.Tensor),
        NumbersValue { Constant: { } known } numbers => Weight(WholeNumbers(known, numbers.IsScalar)),
        // A scalar on the host goes with tensors of any device, and nothing waits for it. A list has to lie beside weights and inputs.
        NumbersValue { IsScalar: true } scalar => Tensor($"torch.tensor({scalar.Expression}, dtype=4)"),
        NumbersValue numbers => Tensor($"torch.tensor({numbers.Expression}, dtype=4, device={Device})"),
        _ => throw new InvalidOperationException("An unknown kind of value."),
    };

    private static OnnxTensor WholeNumbers(IReadOnlyList<long> numbers, bool scalar) =>
        new(OnnxType.Int64, scalar ? [] : [numbers.Count], numbers.SelectMany(BitConverter.GetBytes).ToArray());

    /// <summary>A value as an expression of type List[int].</summary>
    public string AsList(ScriptValue value) => value switch
    {
        NumbersValue { IsScalar: false } numbers => numbers.Expression,
        NumbersValue scalar => $"[{scalar.Expression}]",
        ConstantValue constant => ScriptText.Of(constant.Tensor.ToInt64()),
        TensorValue tensor => List($"{tensor.Name}.tolist()"),
        _ => throw new InvalidOperationException("An unknown kind of value."),
    };

    /// <summary>Numbers that are known while the program is written, null when they are not.</summary>
    public static IReadOnlyList<long>? Known(ScriptValue value) => value switch
    {
        NumbersValue numbers => numbers.Constant,
        ConstantValue { Tensor.IsFloating: false } constant => constant.Tensor.ToInt64(),
        _ => null,
    };

    public ScriptProgram Finish()
    {
        if (_graph.Outputs.Count == 0)
        {
            throw new OnnxException("has no output");
        }

        List<string> results = [];
        foreach (OnnxValueInfo output in _graph.Outputs)
        {
            results.Add(AsTensor(Value(output.Name)));
        }

        string arguments = string.Concat(_graph.Inputs.Select((_, i) => $", i{i}: Tensor"));
        string type = string.Join(", ", results.Select(_ => "Tensor"));
        string source = $"def forward(self{arguments}) -> Tuple[{type}]:\n{_body}  return ({string.Join(", ", results)},)\n";
        return new ScriptProgram(source, _registered);
    }
}
