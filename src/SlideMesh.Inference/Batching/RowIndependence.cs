using System.Runtime.InteropServices;
using SlideMesh.Inference.Engines;

namespace SlideMesh.Inference.Batching;

/// <summary>Tries whether a graph gives a tile the same bits whatever the size of the run, its place in it and its neighbours.</summary>
/// <remarks>
/// Measured with ONNX Runtime 1.30 on AVX-512, one and two threads, runs of 1 to 32 (dense layers: 1 to 1,200) rows: ResNet-50, a ViT, the
/// demonstration encoder and dense layers of 1 to 33 columns were identical, bit for bit. Products of two computed matrices were not: with 5
/// columns a lone row differed from the same row among others (4,343 of 6,000 results), hence <see cref="TileBatcher.MinimumRows"/>; with one
/// column results differed with the number of rows in general. For such graphs the batcher runs one tile at a time.
/// </remarks>
public static class RowIndependence
{
    // The same for every batch size, so that the verdict is too. Matrix kernels take rows in blocks of up to twelve and have
    // other code for what is left over: one, two, three and seven rows meet different code. Twelve tiles in all.
    private static readonly int[] Sizes = [2, 3, 7];

    /// <exception cref="InferenceException">The graph does not run.</exception>
    public static bool Holds(TileGraph graph, IInferenceSession session)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(session);
        (float[] a, float[] b) = Probe(graph, session, TileBatcher.MinimumRows, atA: 0, atB: 1);
        return Sizes.All(size =>
        {
            (float[] otherA, float[] otherB) = Probe(graph, session, size, atA: size - 1, atB: 0);
            return SameBits(a, otherA) && SameBits(b, otherB);
        });
    }

    private static bool SameBits(ReadOnlySpan<float> x, ReadOnlySpan<float> y) => MemoryMarshal.AsBytes(x).SequenceEqual(MemoryMarshal.AsBytes(y));

    /// <summary>Runs tiles A and B at these places, among neighbours that no other run has, and gives back their rows.</summary>
    private static (float[] A, float[] B) Probe(TileGraph graph, IInferenceSession session, int rows, int atA, int atB)
    {
        float[] input = new float[checked(rows * graph.InputLength)];
        for (int row = 0; row < rows; row++)
        {
            Random noise = new(row == atA ? 1 : row == atB ? 2 : (1000 * rows) + row);
            foreach (ref float value in input.AsSpan(row * graph.InputLength, graph.InputLength))
            {
                value = (noise.NextSingle() * 4) - 2;
            }
        }

        float[] output = new float[rows * graph.Dimension];
        session.RunInto(
            [new TensorView(graph.Input, input, [rows, 3, graph.SizePx, graph.SizePx])], [new TensorBuffer(graph.Output, output, [rows, graph.Dimension])]);
        float[] Row(int at) => output[(at * graph.Dimension)..((at + 1) * graph.Dimension)];
        return (Row(atA), Row(atB));
    }
}
