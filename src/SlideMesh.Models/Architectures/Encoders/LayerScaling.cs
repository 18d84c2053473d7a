using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Encoders;

/// <summary>Factors that go into a linear layer instead of a node of their own.</summary>
internal static class LayerScaling
{
    /// <summary>Row r of [R, …] times factor r of [R]; a vector is a row of one number each. Null factors change nothing.</summary>
    public static Weight ScaleRows(this Weight weight, Weight? factors) => factors is null ? weight : weight.Map(weight.Shape, values =>
    {
        float[] scale = factors.Load();
        int row = values.Length / scale.Length;
        for (int r = 0; r < scale.Length; r++)
        {
            foreach (ref float value in values.AsSpan(r * row, row))
            {
                value *= scale[r];
            }
        }

        return values;
    });

    /// <summary>The first <paramref name="rows"/> rows times one factor.</summary>
    public static Weight ScaleFirst(this Weight weight, long rows, float factor) => weight.Map(weight.Shape, values =>
    {
        foreach (ref float value in values.AsSpan(0, (int)(values.Length / weight.Shape[0] * rows)))
        {
            value *= factor;
        }

        return values;
    });
}
