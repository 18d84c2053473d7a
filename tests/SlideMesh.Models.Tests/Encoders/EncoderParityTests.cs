using SlideMesh.Inference.Engines;
using SlideMesh.Inference.OnnxRuntime;
using SlideMesh.Inference.Packages;
using SlideMesh.Models.Architectures;
using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;
using Xunit.Abstractions;

namespace SlideMesh.Models.Tests.Encoders;

/// <summary>Features of imported encoders against PyTorch's, from tests/reference/make_encoder_reference.py.</summary>
public sealed class EncoderParityTests(ITestOutputHelper output) : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly OnnxRuntimeEngine _engine = new();

    public static IEnumerable<object[]> Cases() => Names().Select(name => new object[] { name });

    [Fact]
    public void Every_encoder_has_a_reference()
    {
        string[] tested = [.. Names().Select(name => EncoderCase.Load(name).Architecture).Distinct()];

        Assert.Empty(Architectures.Encoders.EncoderCatalog.All.Select(a => a.Name).Except(tested));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Features_are_those_of_PyTorch(string name)
    {
        EncoderCase reference = EncoderCase.Load(name);
        StateDict weights = reference.Weights();
        ModelDesign design = ArchitectureCatalog.Find(reference.Architecture)!.Build(weights, reference.Options);
        weights.Finish();
        OnnxWriter.Save(design.Graphs[GraphRole.Tile], _folder.Path, "tile.onnx");
        using IInferenceSession session = _engine.Load(_folder.File("tile.onnx"), 2);

        float[] batch = Run(session, reference, 7);
        float[] single = Run(session, reference, 1);

        // 1e-4 absolute; for transformers as wide as ViT-L or wider, 1e-3 of the tile's largest feature.
        float largest = reference.Features.Max(MathF.Abs);
        float tolerance = design.Description.StartsWith("ViT", StringComparison.Ordinal) && reference.Dimension >= 1024 ? 1e-3f * largest : 1e-4f;
        float inBatch = reference.Tiles.Select((tile, i) => Largest(batch.AsSpan(tile * reference.Dimension, reference.Dimension), Row(reference, i))).Max();
        float alone = Largest(single, Row(reference, 0));
        output.WriteLine($"{name}: {design.Description} Largest difference {inBatch:E1} in a batch of 7, {alone:E1} alone; largest feature {largest:F2}.");
        Assert.Equal(ModelKind.Encoder, design.Kind);
        Assert.Equal(reference.TilePx, design.Tile!.SizePx);
        Assert.Equal(reference.Mean, design.Normalisation!.Mean);
        Assert.Equal(reference.Std, design.Normalisation.Std);
        Assert.InRange(inBatch, 0, tolerance);
        Assert.InRange(alone, 0, tolerance);
    }

    public void Dispose()
    {
        _engine.Dispose();
        _folder.Dispose();
    }

    private static IEnumerable<string> Names() =>
        Directory.GetFiles(EncoderCase.Folder, "*.json").Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal);

    private static float[] Run(IInferenceSession session, EncoderCase reference, int batch)
    {
        Tensor features = session.Run([new TensorView("pixels", reference.Pixels(batch), [batch, 3, reference.TilePx, reference.TilePx])], ["features"])[0];
        Assert.Equal([batch, reference.Dimension], features.Shape);
        return features.Data;
    }

    private static ReadOnlySpan<float> Row(EncoderCase reference, int index) => reference.Features.AsSpan(index * reference.Dimension, reference.Dimension);

    private static float Largest(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected)
    {
        float largest = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            // Not a number is as wrong as can be.
            float difference = MathF.Abs(actual[i] - expected[i]);
            largest = float.IsNaN(difference) ? float.PositiveInfinity : MathF.Max(largest, difference);
        }

        return largest;
    }
}
