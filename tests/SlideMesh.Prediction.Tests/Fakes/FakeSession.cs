using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;
using SlideMesh.Prediction.Heads;

namespace SlideMesh.Prediction.Tests.Fakes;

/// <summary>A graph written in C#.</summary>
internal sealed class FakeSession(Func<IReadOnlyList<TensorView>, IReadOnlyList<Tensor>> run) : IInferenceSession
{
    public IReadOnlyList<TensorInfo> Inputs => [];

    public IReadOnlyList<TensorInfo> Outputs => [];

    public IReadOnlyList<Tensor> Run(IReadOnlyList<TensorView> inputs, IReadOnlyList<string> outputNames) => run(inputs);

    public void Dispose()
    {
    }

    public static HeadGraph Graph(
        string role, (string Name, long[] Shape)[] inputs, string[] outputs, Func<IReadOnlyList<TensorView>, IReadOnlyList<Tensor>> run) =>
        new(
            "fake", role,
            new GraphSpec(role + ".onnx", [.. inputs.Select(i => new TensorSpec(i.Name, i.Shape))], [.. outputs.Select(o => new TensorSpec(o, [-1]))]),
            new FakeSession(run));

    /// <summary>Hidden = the features, attention = the given function of a row; the bag graph returns what was pooled.</summary>
    public static StreamedHead Identity(int dimension, Func<ReadOnlyMemory<float>, float> attention) => new(
        Graph(
            GraphRole.Instance, [("features", [-1, dimension])], [GraphRole.HiddenTensor, GraphRole.AttentionTensor],
            inputs =>
            {
                ReadOnlyMemory<float> rows = inputs[0].Data;
                float[] scores = [.. Enumerable.Range(0, rows.Length / dimension).Select(i => attention(rows.Slice(i * dimension, dimension)))];
                return
                [
                    new Tensor(GraphRole.HiddenTensor, rows.ToArray(), inputs[0].Shape),
                    new Tensor(GraphRole.AttentionTensor, scores, [scores.Length, 1]),
                ];
            }),
        PooledOut(dimension),
        dimension);

    public static HeadGraph PooledOut(int dimension, int columns = 1) => Graph(
        GraphRole.Bag, [(GraphRole.PooledTensor, [1, columns, dimension])], ["out"],
        inputs => [new Tensor("out", inputs[0].Data.ToArray(), inputs[0].Shape)]);
}
