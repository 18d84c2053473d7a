using System.Security.Cryptography;
using System.Text.Json.Nodes;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.LibTorch;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Inference.Tests.LibTorch;

/// <summary>Packages that carry TorchScript beside ONNX: sound ones, and those that must be refused with a reason.</summary>
public sealed class TorchScriptFileTests : IDisposable
{
    /// <summary>A damaged file might lead libtorch's readers anywhere, also into a loop.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly IInferenceEngine _torch = new LibTorchEngine();
    private readonly ScratchFolder _scratch = new();

    public void Dispose()
    {
        _torch.Dispose();
        _scratch.Dispose();
    }

    [TorchFact]
    public void Package_with_torchscript_runs_it_and_resolves()
    {
        ModelPackage package = Package("encoder.pt");
        Assert.Single(PipelineResolver.Resolve([package], _torch).Streams);
        using IInferenceSession script = _torch.Load(package, GraphRole.Tile, threads: 1);
        using IInferenceSession onnx = _torch.Load(package.GraphPath(GraphRole.Tile), threads: 1);
        float[] pixels = [.. Enumerable.Range(0, 2 * 3 * 32 * 32).Select(i => MathF.Sin(i * 0.1f))];
        TensorView[] input = [new("pixels", pixels, [2, 3, 32, 32])];

        float[] features = script.Run(input, ["features"])[0].Data;

        OnnxRuntime.OnnxRuntimeEngineTests.AssertClose(onnx.Run(input, ["features"])[0].Data, features, 1e-5);
        Assert.Contains(features, value => value != 0);
    }

    [TorchFact]
    public void Parts_within_parts_run()
    {
        using IInferenceSession session = _torch.Load(Package("nested.pt"), GraphRole.Tile, threads: 1);
        float[] pixels = [.. Enumerable.Range(0, 2 * 3 * 32 * 32).Select(i => MathF.Sin(i * 0.1f))];

        float[] features = session.Run([new("pixels", pixels, [2, 3, 32, 32])], ["features"])[0].Data;

        OnnxRuntime.OnnxRuntimeEngineTests.AssertClose(ReferencePackages.Floats(TorchReference.Read().GetProperty("nested")), features, 1e-5);
    }

    [TorchTheory]
    [InlineData("raising.pt", "this program gives up")]
    [InlineData("reaching.pt", "from_file")]
    [InlineData("loading.pt", "__setstate__")]
    [InlineData("narrow.pt", "[2, 7]")]
    public void Program_that_cannot_be_used_is_refused_with_the_reason(string file, string reason) => Bounded.Run(Patience, () =>
    {
        ModelPackage package = Package(file);

        InferenceException e = Assert.Throws<InferenceException>(() => _torch.Load(package, GraphRole.Tile, threads: 1));

        Assert.Contains("ref-encoder/tile.pt", e.Message, StringComparison.Ordinal);
        Assert.Contains(reason, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
        Assert.DoesNotContain(_scratch.Path, e.ToString().Split("   at ")[0], StringComparison.Ordinal);
        AssertAlive();
    });

    [TorchTheory]
    [InlineData(0.5)]
    [InlineData(0.97)]
    public void Truncated_file_is_refused(double share) => Bounded.Run(Patience, () =>
    {
        byte[] whole = File.ReadAllBytes(Path.Combine(TorchReference.Folder, "encoder.pt"));
        ModelPackage package = Package("encoder.pt", whole[..(int)(whole.Length * share)]);

        InferenceException e = Assert.Throws<InferenceException>(() => _torch.Load(package, GraphRole.Tile, threads: 1));

        Assert.Contains("ref-encoder/tile.pt cannot be loaded", e.Message, StringComparison.Ordinal);
        AssertAlive();
    });

    [TorchFact]
    public void Files_with_bytes_changed_are_refused_or_run_and_the_process_lives() => Bounded.Run(Patience, () =>
    {
        byte[] whole = File.ReadAllBytes(Path.Combine(TorchReference.Folder, "encoder.pt"));
        Random random = new(3);
        int refused = 0;
        for (int round = 0; round < 40; round++)
        {
            byte[] damaged = [.. whole];
            for (int i = 0; i < 8; i++)
            {
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            }

            try
            {
                _torch.Load(Package("encoder.pt", damaged), GraphRole.Tile, threads: 1).Dispose();
            }
            catch (InferenceException)
            {
                refused++;
            }
        }

        Assert.True(refused > 10, $"Only {refused} of 40 were refused.");
        AssertAlive();
    });

    [TorchFact]
    public void Input_of_another_shape_carries_the_engines_text()
    {
        using IInferenceSession session = _torch.Load(Package("encoder.pt"), GraphRole.Tile, threads: 1);

        InferenceException e = Assert.Throws<InferenceException>(() => session.Run([new("pixels", new float[2 * 5 * 32 * 32], [2, 5, 32, 32])], ["features"]));

        Assert.Contains("to have 3 channels, but got 5", e.Message, StringComparison.Ordinal);
        Assert.False(e.IsOutOfMemory);
    }

    private void AssertAlive()
    {
        using IInferenceSession session = _torch.Load(Path.Combine(ReferencePackages.Folder("ref-tiles"), "tile.onnx"), threads: 1);
        Assert.Equal(3, session.Run([new TensorView("features", new float[16], [1, 16])], ["scores"])[0].Data.Length);
    }

    private ModelPackage Package(string script, byte[]? contents = null)
    {
        string folder = Path.Combine(_scratch.Path, "ref-encoder");
        if (!Directory.Exists(folder))
        {
            ReferencePackages.CopyOf("ref-encoder", _scratch);
        }

        byte[] bytes = contents ?? File.ReadAllBytes(Path.Combine(TorchReference.Folder, script));
        File.WriteAllBytes(Path.Combine(folder, "tile.pt"), bytes);
        string manifest = Path.Combine(folder, ModelPackage.ManifestFileName);
        JsonNode json = JsonNode.Parse(File.ReadAllText(Path.Combine(ReferencePackages.Folder("ref-encoder"), ModelPackage.ManifestFileName)))!;
        json["graphs"]!["tile"]!["torchscript"] = "tile.pt";
        json["files"]!.AsArray().Add(new JsonObject
        {
            ["path"] = "tile.pt",
            ["sha256"] = Convert.ToHexStringLower(SHA256.HashData(bytes)),
            ["bytes"] = bytes.Length,
        });
        File.WriteAllText(manifest, json.ToJsonString());
        return ModelPackage.Load(folder);
    }
}
