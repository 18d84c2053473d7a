using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Models.Packaging;

/// <summary>
/// What a package's graphs give for an input that anyone can make (<see cref="ProbeInput"/>): two tiles of pixels, or a bag of 15
/// tiles; covariates and omics likewise. A streamed head's bag graph gets what pooling makes of its instance graph's outputs, or of the tiles.
/// </summary>
public static class PackageProbe
{
    public const int Tiles = 2;
    public const int BagTiles = 15;

    /// <returns>Outputs by <c>role/tensor</c>, in the order of the graphs' work.</returns>
    /// <exception cref="InferenceException">A graph cannot be loaded or run.</exception>
    public static IReadOnlyList<ProbeOutput> Run(ModelPackage package, IInferenceEngine engine)
    {
        ArgumentNullException.ThrowIfNull(package);
        ArgumentNullException.ThrowIfNull(engine);
        List<ProbeOutput> outputs = [];
        float[]? pooled = package.Manifest.PoolsFeatures
            ? PoolColumns(package.Manifest.Pooling, ProbeInput.Numbers((long)BagTiles * package.Manifest.Encoder!.Dimension), package.Manifest.Encoder.Dimension)
            : null;
        foreach (string role in new[] { GraphRole.Tile, GraphRole.Summary, GraphRole.Instance, GraphRole.Bag, GraphRole.Whole, GraphRole.Fusion }.Where(package.Manifest.Graphs.ContainsKey))
        {
            GraphSpec graph = package.Manifest.Graphs[role];
            using IInferenceSession session = engine.Load(package, role, threads: 1);
            int rows = package.TakesPixels ? Tiles : BagTiles;
            TensorView[] inputs = [.. graph.Inputs.Select(input => View(package, input, rows, role == GraphRole.Bag && input.Name == GraphRole.PooledTensor ? pooled : null))];
            IReadOnlyList<Tensor> results = session.Run(inputs, [.. graph.Outputs.Select(o => o.Name)]);
            outputs.AddRange(results.Select(r => new ProbeOutput($"{role}/{r.Name}", r.Shape, r.Data)));
            if (role == GraphRole.Instance)
            {
                Tensor hidden = results.Single(r => r.Name == GraphRole.HiddenTensor);
                pooled = package.Manifest.Pooling is Pooling.Mean or Pooling.Sum or Pooling.Maximum
                    ? PoolColumns(package.Manifest.Pooling, hidden.Data, (int)hidden.Shape[1])
                    : PoolRows(hidden, results.Single(r => r.Name == GraphRole.AttentionTensor), package.Manifest.Pooling == Pooling.Top);
            }
        }

        return outputs;
    }

    private static TensorView View(ModelPackage package, TensorSpec input, int rows, float[]? values)
    {
        long[] shape = [.. input.Shape.Select((extent, axis) => extent > 0 ? extent : axis == 0 ? rows : package.Manifest.Tile!.SizePx)];
        return new TensorView(input.Name, values ?? ProbeInput.Numbers(shape.Aggregate(1L, (product, extent) => checked(product * extent))), shape);
    }

    /// <summary>[1, H]: mean, sum (in double) or maximum of the rows.</summary>
    private static float[] PoolColumns(Pooling? pooling, float[] rows, int width)
    {
        int count = rows.Length / width;
        float[] pooled = new float[width];
        for (int h = 0; h < width; h++)
        {
            IEnumerable<double> column = Enumerable.Range(0, count).Select(i => (double)rows[(i * width) + h]);
            pooled[h] = (float)(pooling switch { Pooling.Mean => column.Average(), Pooling.Sum => column.Sum(), _ => column.Max() });
        }

        return pooled;
    }

    /// <summary>[K, H]: for each attention column the softmax-weighted mean of hidden rows, in double, or the row of the largest score.</summary>
    private static float[] PoolRows(Tensor hidden, Tensor attention, bool top)
    {
        int columns = (int)attention.Shape[1];
        int width = (int)hidden.Shape[1];
        int rows = hidden.Data.Length / width;
        float[] pooled = new float[columns * width];
        for (int k = 0; k < columns; k++)
        {
            double[] scores = [.. Enumerable.Range(0, rows).Select(i => (double)attention.Data[(i * columns) + k])];
            double largest = scores.Max();
            int first = Array.IndexOf(scores, largest);
            double[] weights = [.. scores.Select((score, i) => !top ? Math.Exp(score - largest) : i == first ? 1 : 0)];
            double total = weights.Sum();
            for (int h = 0; h < width; h++)
            {
                double sum = 0;
                for (int i = 0; i < rows; i++)
                {
                    sum += weights[i] * hidden.Data[(i * width) + h];
                }

                pooled[(k * width) + h] = (float)(sum / total);
            }
        }

        return pooled;
    }
}

/// <param name="Name"><c>role/tensor</c>.</param>
/// <param name="Values">Row-major.</param>
public sealed record ProbeOutput(string Name, IReadOnlyList<long> Shape, float[] Values);
