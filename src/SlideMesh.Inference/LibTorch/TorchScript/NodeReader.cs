using SlideMesh.Inference.LibTorch.Onnx;

namespace SlideMesh.Inference.LibTorch.TorchScript;

/// <summary>One node, as the code that writes it wants to see it.</summary>
internal readonly struct NodeReader(ScriptWriter writer, OnnxNode node)
{
    public ScriptWriter Writer => writer;

    public string Operator => node.Operator;

    public int InputCount => node.Inputs.Count;

    public int OutputCount => node.Outputs.Count;

    public bool Has(int input) => input < node.Inputs.Count && node.Inputs[input].Length > 0;

    public bool HasAttribute(string name) => node.Attributes.ContainsKey(name);

    public ScriptValue Value(int input) => Has(input) ? writer.Value(node.Inputs[input]) : throw Fail($"has no input {input}");

    /// <summary>Input as an expression of type Tensor.</summary>
    public string Tensor(int input) => writer.AsTensor(Value(input));

    /// <summary>Input as an expression of type List[int].</summary>
    public string List(int input) => writer.AsList(Value(input));

    public IReadOnlyList<long>? Known(int input) => ScriptWriter.Known(Value(input));

    /// <summary>Whole numbers that must be in the file, not computed.</summary>
    public IReadOnlyList<long> Constants(int input) => Known(input) ?? throw Fail($"computes its input {input}, which is covered only as a constant");

    /// <summary>One number that must be in the file.</summary>
    public double Number(int input) => Value(input) switch
    {
        ConstantValue constant => constant.Tensor.ToDouble(),
        NumbersValue { Constant: [long number] } => number,
        _ => throw Fail($"computes its input {input}, which is covered only as a constant"),
    };

    public long Int(string attribute, long otherwise) => node.Attributes.TryGetValue(attribute, out OnnxAttribute? found) ? found.Int : otherwise;

    public double Float(string attribute, double otherwise) => node.Attributes.TryGetValue(attribute, out OnnxAttribute? found) ? found.Float : otherwise;

    public string Text(string attribute, string otherwise) => node.Attributes.TryGetValue(attribute, out OnnxAttribute? found) ? found.Text : otherwise;

    public IReadOnlyList<long>? Ints(string attribute) => node.Attributes.TryGetValue(attribute, out OnnxAttribute? found) ? found.Ints : null;

    public OnnxAttribute? Attribute(string name) => node.Attributes.GetValueOrDefault(name);

    /// <summary>Axes by attribute (older opsets) or by input; null when there are none.</summary>
    public IReadOnlyList<long>? Axes(int input) => Ints("axes") ?? (Has(input) ? Constants(input) : null);

    /// <summary>Gives the first output an expression of type Tensor.</summary>
    public void Give(string expression) => writer.Set(node.Outputs[0], new TensorValue(writer.Tensor(expression)));

    public void Give(ScriptValue value, int output = 0) => writer.Set(node.Outputs[output], value);

    public OnnxException Fail(string what) => new($"operator {node.Operator} {what}");
}
