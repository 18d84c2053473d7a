using SlideMesh.Inference.LibTorch.Onnx;
using static SlideMesh.Inference.LibTorch.TorchScript.ScriptText;

namespace SlideMesh.Inference.LibTorch.TorchScript;

/// <summary>Operators that work element by element.</summary>
internal static class ElementOperators
{
    public static void AddTo(Dictionary<string, Action<NodeReader>> operators)
    {
        foreach ((string name, string function) in ((string, string)[])
        [
            ("Abs", "abs"), ("Acos", "acos"), ("Asin", "asin"), ("Atan", "atan"), ("Ceil", "ceil"), ("Cos", "cos"), ("Erf", "erf"), ("Exp", "exp"), ("Floor", "floor"),
            ("HardSwish", "hardswish"), ("IsNaN", "isnan"), ("Log", "log"), ("Mish", "mish"), ("Neg", "neg"), ("Not", "logical_not"),
            ("Reciprocal", "reciprocal"), ("Relu", "relu"), ("Round", "round"), ("Sigmoid", "sigmoid"), ("Sign", "sign"), ("Sin", "sin"),
            ("Softplus", "softplus"), ("Sqrt", "sqrt"), ("Tanh", "tanh"),
        ])
        {
            operators.Add(name, node => node.Give($"torch.{function}({node.Tensor(0)})"));
        }

        foreach ((string name, string function) in ((string, string)[])
        [
            ("And", "logical_and"), ("Equal", "eq"), ("Greater", "gt"), ("GreaterOrEqual", "ge"), ("Less", "lt"), ("LessOrEqual", "le"),
            ("Or", "logical_or"), ("Pow", "pow"), ("Xor", "logical_xor"),
        ])
        {
            operators.Add(name, node => node.Give($"torch.{function}({node.Tensor(0)}, {node.Tensor(1)})"));
        }

        operators.Add("Add", node => Arithmetic(node, "add", "+"));
        operators.Add("Sub", node => Arithmetic(node, "sub", "-"));
        operators.Add("Mul", node => Arithmetic(node, "mul", "*"));
        operators.Add("Div", node => Arithmetic(node, "div", "//"));
        operators.Add("Max", node => Fold(node, "maximum"));
        operators.Add("Min", node => Fold(node, "minimum"));
        operators.Add("Sum", node => Fold(node, "add"));
        operators.Add("Where", node => node.Give($"torch.where({node.Tensor(0)}, {node.Tensor(1)}, {node.Tensor(2)})"));
        operators.Add("Clip", Clip);
        operators.Add("Cast", Cast);
        operators.Add("CastLike", node => node.Give($"{node.Tensor(0)}.type_as({node.Tensor(1)})"));
        operators.Add("Identity", node => node.Give(node.Value(0)));
        operators.Add("Dropout", node => node.Give(node.Value(0)));
        operators.Add("Elu", node => node.Give($"torch.elu({node.Tensor(0)}, {Of(node.Float("alpha", 1))})"));
        operators.Add("LeakyRelu", node => node.Give($"torch.leaky_relu({node.Tensor(0)}, {Of(node.Float("alpha", 0.01))})"));
        operators.Add("Celu", node => node.Give($"torch.celu({node.Tensor(0)}, {Of(node.Float("alpha", 1))})"));
        operators.Add("Gelu", node => node.Give($"torch.gelu({node.Tensor(0)}, approximate=\"{(node.Text("approximate", "none") == "tanh" ? "tanh" : "none")}\")"));
        operators.Add("HardSigmoid", node => node.Give(
            $"torch.clamp({node.Tensor(0)} * {Of(node.Float("alpha", 0.2))} + {Of(node.Float("beta", 0.5))}, 0.0, 1.0)"));
        operators.Add("PRelu", PRelu);
        operators.Add("Selu", Selu);
        operators.Add("Swish", node => node.Give($"{node.Tensor(0)} * torch.sigmoid({node.Tensor(0)} * {Of(node.Float("alpha", 1))})"));
    }

    /// <summary>Also of sizes: whole numbers stay numbers.</summary>
    private static void Arithmetic(NodeReader node, string function, string sign)
    {
        if (Scalar(node.Value(0)) is { } a && Scalar(node.Value(1)) is { } b && (node.Value(0) is NumbersValue || node.Value(1) is NumbersValue))
        {
            node.Give(new NumbersValue($"({a} {sign} {b})", IsScalar: true, Compute(node.Known(0), node.Known(1), sign)));
            return;
        }

        // A weight's type tells whether a division is one of whole numbers, and those are cut towards zero.
        bool whole = function == "div" && (IsWhole(node.Value(0)) || IsWhole(node.Value(1)));
        node.Give($"torch.{function}({node.Tensor(0)}, {node.Tensor(1)}{(whole ? ", rounding_mode=\"trunc\"" : "")})");
    }

    private static bool IsWhole(ScriptValue value) => value is NumbersValue or ConstantValue { Tensor.IsFloating: false };

    private static string? Scalar(ScriptValue value) => value switch
    {
        NumbersValue { IsScalar: true } numbers => numbers.Expression,
        ConstantValue { Tensor: { IsFloating: false, Shape.Count: 0 } tensor } => Of(tensor.ToInt64()[0]),
        _ => null,
    };

    private static long[]? Compute(IReadOnlyList<long>? a, IReadOnlyList<long>? b, string sign) => (a, b) switch
    {
        ([long x], [long y]) => sign switch
        {
            "+" => [x + y],
            "-" => [x - y],
            "*" => [x * y],
            _ => y == 0 ? throw new OnnxException("divides a size by zero") : [x / y],
        },
        _ => null,
    };

    private static void Fold(NodeReader node, string function)
    {
        string result = node.Tensor(0);
        for (int i = 1; i < node.InputCount; i++)
        {
            result = $"torch.{function}({result}, {node.Tensor(i)})";
        }

        node.Give(result);
    }

    private static void Clip(NodeReader node)
    {
        string x = node.Tensor(0);
        if (node.Has(1))
        {
            x = $"torch.clamp_min({x}, {Of(node.Number(1))})";
        }

        node.Give(node.Has(2) ? $"torch.clamp_max({x}, {Of(node.Number(2))})" : x);
    }

    private static void Cast(NodeReader node)
    {
        OnnxType to = (OnnxType)node.Int("to", 0);
        if (node.Value(0) is NumbersValue numbers && to is (OnnxType.Int64 or OnnxType.Int32))
        {
            node.Give(numbers);
            return;
        }

        node.Give($"{node.Tensor(0)}.to({Dtype(to, node.Writer.Precision)})");
    }

    private static void PRelu(NodeReader node)
    {
        string x = node.Tensor(0);
        node.Give($"torch.where(torch.ge({x}, 0), {x}, torch.mul({x}, {node.Tensor(1)}))");
    }

    private static void Selu(NodeReader node)
    {
        double alpha = node.Float("alpha", 1.6732631921768188);
        double gamma = node.Float("gamma", 1.0507010221481323);
        node.Give($"torch.mul(torch.elu({node.Tensor(0)}, {Of(alpha)}), {Of(gamma)})");
    }
}
