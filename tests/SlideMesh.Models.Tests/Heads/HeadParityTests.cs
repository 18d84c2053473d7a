using SlideMesh.Inference.Packages;
using SlideMesh.Models.Architectures.Heads;
using SlideMesh.Models.Checkpoints;
using SlideMesh.Prediction.Heads;
using Xunit.Abstractions;

namespace SlideMesh.Models.Tests.Heads;

/// <summary>
/// Every head against PyTorch (tests/reference/make_import_reference.py): 1e-4 absolute on logits and attention, and relative beyond 1,
/// for the sum over a thousand tiles is a thousand.
/// </summary>
public sealed class HeadParityTests(ITestOutputHelper output)
{
    private const double Tolerance = 1e-4;

    public static TheoryData<string> Cases => [.. HeadCase.Names];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Head_is_recognised_equals_PyTorchs_and_does_not_depend_on_the_order_of_tiles(string name)
    {
        HeadCase reference = HeadCase.Load(name);

        // These two have the same keys.
        using ImportedHead head = new(reference, recognise: reference.Architecture is not ("mean-mil" or "max-mil"));
        Assert.Equal(reference.Architecture, head.Result.Architecture);

        double largest = 0;
        HeadResult? last = null;
        foreach (HeadCase.Expected expected in reference.Bags)
        {
            last = head.Evaluate(reference.Bag(expected.Tiles));
            foreach ((string tensor, float[] values) in expected.Outputs)
            {
                largest = Math.Max(largest, Difference(values, last.Outputs[tensor].Data, $"{tensor} of {expected.Tiles} tiles"));
            }

            largest = Math.Max(largest, Difference(expected.Attention, Attention(head.Package, last, expected), $"attention of {expected.Tiles} tiles"));
        }

        output.WriteLine($"{name}: largest difference {largest:0.0e+0}");
        CheckOrder(reference, head, last!);
    }

    [Theory]
    [InlineData("mean-mil")]
    [InlineData("max-mil")]
    public void Heads_with_the_same_keys_must_be_named(string name)
    {
        CheckpointException failure = Assert.Throws<CheckpointException>(() => new ImportedHead(HeadCase.Load(name), recognise: true));

        Assert.Contains("give --arch", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_head_has_a_case()
    {
        Assert.Equal(HeadCatalog.All.Select(a => a.Name).Order(), HeadCase.Names.Select(n => HeadCase.Load(n).Architecture).Distinct().Order());
    }

    private static void CheckOrder(HeadCase reference, ImportedHead head, HeadResult plain)
    {
        // 617 has no factor in common with 1,000: every row once.
        HeadResult shuffled = head.Evaluate(reference.Bag(1000, i => ((i * 617) + 311) % 1000));
        double largest = plain.Outputs.Where(o => o.Key != GraphRole.AttentionTensor)
            .Max(o => o.Value.Data.Zip(shuffled.Outputs[o.Key].Data, (a, b) => Math.Abs(a - b) / Math.Max(1, Math.Abs(a))).Max());
        if (reference.IsOrdered)
        {
            Assert.True(largest > 1e-5, "TransMIL repeats the first tiles: if their order did not count, it would be computed wrongly");
        }
        else
        {
            Assert.True(largest <= 1e-5, $"another order changes a logit by {largest}");
        }
    }

    /// <summary>The columns that the package shows, in the order of the reference, of its first tiles.</summary>
    private static float[] Attention(ModelPackage package, HeadResult result, HeadCase.Expected expected)
    {
        if (expected.Attention.Length == 0)
        {
            return [];
        }

        TileValues tiles = Assert.IsType<TileValues>(result.Tiles);
        int rows = Math.Min(15, expected.Tiles);
        int width = expected.Attention.Length / rows;
        int first = tiles.Width - width;

        // All columns but those that only pool (mean-mil's first).
        Assert.Equal(package.Manifest.Outputs.SelectMany(o => o.AttentionMaps.Select(m => m.Column)).DefaultIfEmpty(first).Min(), first);
        return [.. Enumerable.Range(0, rows).SelectMany(i => Enumerable.Range(0, width).Select(k => tiles.Values[(i * tiles.Width) + first + k]))];
    }

    private static double Difference(float[] expected, float[] actual, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        double largest = expected.Zip(actual, (a, b) => Math.Abs((double)a - b) / Math.Max(1, Math.Abs(a))).DefaultIfEmpty(0).Max();
        Assert.True(largest <= Tolerance, $"{what}: differs by {largest}");
        return largest;
    }
}
