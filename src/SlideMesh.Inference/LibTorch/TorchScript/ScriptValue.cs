using System.Globalization;
using SlideMesh.Inference.LibTorch.Onnx;

namespace SlideMesh.Inference.LibTorch.TorchScript;

/// <summary>What a name of an ONNX graph stands for while the program is written.</summary>
internal abstract record ScriptValue;

/// <summary>A variable of type Tensor.</summary>
internal sealed record TensorValue(string Name) : ScriptValue;

/// <summary>A constant that has not been asked for as a tensor yet: it may turn out to be an axis or a shape.</summary>
internal sealed record ConstantValue(OnnxTensor Tensor) : ScriptValue;

/// <summary>Whole numbers that live on the host, such as shapes: an expression of type List[int], or int for a scalar.</summary>
/// <param name="Constant">The numbers, when they are known while the program is written.</param>
internal sealed record NumbersValue(string Expression, bool IsScalar, IReadOnlyList<long>? Constant = null) : ScriptValue
{
    public static NumbersValue List(IReadOnlyList<long> numbers) =>
        new($"[{string.Join(", ", numbers.Select(Text))}]", IsScalar: false, numbers);

    public static NumbersValue Scalar(long number) => new(Text(number), IsScalar: true, [number]);

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
