using SlideMesh.Inference.Engines;
using SlideMesh.Inference.LibTorch;
using SlideMesh.Inference.Packages;
using SlideMesh.Models.Architectures;
using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;
using SlideMesh.Models.Tests.Encoders;
using SlideMesh.Models.Tests.Heads;
using SlideMesh.Prediction.Heads;

namespace SlideMesh.Models.Tests.LibTorch;

/// <summary>Every graph that the importer writes, on the libtorch engine, against PyTorch.</summary>
public sealed class ImportedOnLibTorchTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly LibTorchEngine _engine = new();

    public static TheoryData<string> Encoders => [.. EncoderCase.Names];

    public static TheoryData<string> Heads => [.. HeadCase.Names];

    public void Dispose()
    {
        _engine.Dispose();
        _folder.Dispose();
    }

    [TorchTheory]
    [MemberData(nameof(Encoders))]
    public void Encoder_gives_PyTorchs_features(string name)
    {
        EncoderCase reference = EncoderCase.Load(name);
        StateDict weights = reference.Weights();
        ModelDesign design = ArchitectureCatalog.Find(reference.Architecture)!.Build(weights, reference.Options);
        OnnxWriter.Save(design.Graphs[GraphRole.Tile], _folder.Path, "tile.onnx");
        using IInferenceSession session = _engine.Load(_folder.File("tile.onnx"), 2);

        Tensor features = session.Run([new TensorView("pixels", reference.Pixels(7), [7, 3, reference.TilePx, reference.TilePx])], ["features"])[0];

        // As for ONNX Runtime (EncoderParityTests).
        float largest = reference.Features.Max(MathF.Abs);
        float tolerance = design.Description.StartsWith("ViT", StringComparison.Ordinal) && reference.Dimension >= 1024 ? 1e-3f * largest : 1e-4f;
        for (int i = 0; i < reference.Tiles.Length; i++)
        {
            for (int d = 0; d < reference.Dimension; d++)
            {
                float expected = reference.Features[(i * reference.Dimension) + d];
                float found = features.Data[(reference.Tiles[i] * reference.Dimension) + d];
                Assert.True(MathF.Abs(expected - found) <= tolerance, $"{name}, tile {reference.Tiles[i]}, feature {d}: {expected} expected, {found} found");
            }
        }
    }

    [TorchTheory]
    [MemberData(nameof(Heads))]
    public void Head_gives_PyTorchs_outputs(string name)
    {
        HeadCase reference = HeadCase.Load(name);
        using ImportedHead head = new(reference, engine: _engine);
        foreach (HeadCase.Expected expected in reference.Bags)
        {
            HeadResult result = head.Evaluate(reference.Bag(expected.Tiles));
            foreach ((string tensor, float[] values) in expected.Outputs)
            {
                float[] found = result.Outputs[tensor].Data;
                Assert.Equal(values.Length, found.Length);
                for (int i = 0; i < values.Length; i++)
                {
                    Assert.True(Math.Abs(values[i] - found[i]) <= 1e-4 * Math.Max(1, Math.Abs(values[i])), $"{tensor}[{i}] of {expected.Tiles} tiles: {values[i]} expected, {found[i]} found");
                }
            }
        }
    }
}
