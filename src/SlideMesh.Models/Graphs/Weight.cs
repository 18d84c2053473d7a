using System.Numerics.Tensors;
using SlideMesh.Models.Checkpoints;

namespace SlideMesh.Models.Graphs;

/// <summary>
/// Float32 numbers of a graph that are computed when the graph is written, one weight after another: a model of any size needs the
/// memory of its largest tensor. What is done to a weight (transposed, cut, folded) is done then as well.
/// </summary>
public sealed class Weight
{
    private readonly Func<float[]> _load;

    public Weight(CheckpointTensor tensor)
        : this((tensor ?? throw new ArgumentNullException(nameof(tensor))).Name, [.. tensor.Shape], tensor.Load)
    {
    }

    private Weight(string name, long[] shape, Func<float[]> load)
    {
        Name = name;
        Shape = shape;
        Count = shape.Aggregate(1L, (product, extent) => checked(product * extent));
        _load = load;
    }

    /// <summary>Its key in the checkpoint: becomes the initialiser's name.</summary>
    public string Name { get; }

    public IReadOnlyList<long> Shape { get; }

    public long Count { get; }

    /// <param name="load">Gives as many numbers as the shape asks, the same ones each time.</param>
    public static Weight Of(string name, IReadOnlyList<long> shape, Func<float[]> load) => new(name, [.. shape], load);

    /// <summary>Numbers that are in memory already; keep them small.</summary>
    public static Weight Of(string name, IReadOnlyList<long> shape, float[] values) => new(name, [.. shape], () => values);

    /// <summary>One after another along the first dimension.</summary>
    public static Weight Concat(string name, params Weight[] parts)
    {
        long[] shape = [parts.Sum(p => p.Shape[0]), .. parts[0].Shape.Skip(1)];
        return Of(name, shape, () => [.. parts.SelectMany(p => p.Load())]);
    }

    /// <summary>All numbers, row-major.</summary>
    public float[] Load()
    {
        float[] values = _load();
        return values.LongLength == Count
            ? values
            : throw new InvalidOperationException($"Weight '{Name}' [{string.Join(", ", Shape)}] was given {values.LongLength} numbers.");
    }

    public Weight Named(string name) => new(name, [.. Shape], _load);

    /// <summary>The same numbers in another shape of as many.</summary>
    public Weight Reshape(params long[] shape)
    {
        Weight reshaped = new(Name, shape, _load);
        return reshaped.Count == Count ? reshaped : throw new ArgumentException($"[{string.Join(", ", Shape)}] cannot be [{string.Join(", ", shape)}].", nameof(shape));
    }

    /// <summary>New numbers from the old ones.</summary>
    public Weight Map(IReadOnlyList<long> shape, Func<float[], float[]> map) => new(Name, [.. shape], () => map(Load()));

    /// <summary>Every number times <paramref name="factor"/>.</summary>
    public Weight Scale(float factor) => Map(Shape, values =>
    {
        float[] scaled = new float[values.Length];
        TensorPrimitives.Multiply(values, factor, scaled);
        return scaled;
    });

    /// <summary>Entries <paramref name="start"/> … start + count − 1 of the first dimension.</summary>
    public Weight Rows(long start, long count)
    {
        if (start < 0 || count < 0 || start > Shape[0] - count)
        {
            throw new ArgumentOutOfRangeException(nameof(start), $"Rows {start} to {start + count} of [{string.Join(", ", Shape)}].");
        }

        int row = checked((int)(Shape[0] == 0 ? 0 : Count / Shape[0]));
        return Map([count, .. Shape.Skip(1)], values => values[checked((int)start * row)..checked((int)(start + count) * row)]);
    }

    /// <summary>[A, B] → [B, A].</summary>
    public Weight Transpose()
    {
        if (Shape.Count != 2)
        {
            throw new InvalidOperationException($"Weight '{Name}' has {Shape.Count} dimensions; 2 are needed.");
        }

        int rows = checked((int)Shape[0]);
        int columns = checked((int)Shape[1]);
        return Map([columns, rows], values => Transposed(values, rows, columns));
    }

    // Blocks of 32 × 32: two blocks fit the first cache, however wide the matrix.
    private static float[] Transposed(float[] values, int rows, int columns)
    {
        const int Block = 32;
        float[] result = new float[values.Length];
        for (int r0 = 0; r0 < rows; r0 += Block)
        {
            for (int c0 = 0; c0 < columns; c0 += Block)
            {
                int r1 = Math.Min(rows, r0 + Block);
                int c1 = Math.Min(columns, c0 + Block);
                for (int r = r0; r < r1; r++)
                {
                    for (int c = c0; c < c1; c++)
                    {
                        result[((long)c * rows) + r] = values[((long)r * columns) + c];
                    }
                }
            }
        }

        return result;
    }
}
