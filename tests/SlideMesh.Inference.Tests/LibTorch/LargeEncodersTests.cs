using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.LibTorch;
using SlideMesh.Inference.OnnxRuntime;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Inference.Tests.LibTorch;

/// <summary>ResNet-50 and ViT-B/16 as PyTorch exports them: both engines against PyTorch (Reference/make_encoders.py).</summary>
public sealed class LargeEncodersTests : IDisposable
{
    /// <summary>It takes 10 s on two idle cores; without AVX-512, where PyTorch computes bf16 without oneDNN, about a minute more.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    private static readonly Normalisation ImageNet = new([0.485f, 0.456f, 0.406f], [0.229f, 0.224f, 0.225f]);

    private readonly ScratchFolder _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [TorchFact]
    public async Task Features_equal_pytorch_s_on_both_engines_and_in_bf16_nearly()
    {
        await MakeEncodersAsync();
        Bounded.Run(Patience, CompareFeatures);
    }

    private void CompareFeatures()
    {
        using JsonDocument features = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_scratch.Path, "features.json")));
        foreach (string name in (string[])["resnet50", "vit_b_16"])
        {
            float[] expected = ReferencePackages.Floats(features.RootElement.GetProperty(name));
            float scale = expected.Max(Math.Abs);
            foreach (IInferenceEngine engine in (IInferenceEngine[])[new OnnxRuntimeEngine(), new LibTorchEngine()])
            {
                using (engine)
                {
                    float worst = expected.Zip(Compute(engine, name, expected.Length / 2)).Max(pair => Math.Abs(pair.First - pair.Second));
                    Assert.True(worst <= 1e-4 * scale, $"{name} on {engine.Description}: {worst} apart, the largest feature is {scale}.");
                }
            }

            // Eight bits of mantissa. Measured with libtorch 1.13: 0.999993 (ResNet-50) and 0.999918 (ViT-B/16), without AVX-512 0.99988 (ResNet-50).
            using LibTorchEngine half = new(new LibTorchOptions { Precision = Precision.Bf16 });
            // One tile is enough: without AVX-512 a ViT-B/16 takes half a minute for each.
            double cosine = Cosine(expected[..(expected.Length / 2)], Compute(half, name, expected.Length / 2, tiles: 1));
            Assert.True(cosine is >= 0.9995 and < 0.9999999, $"{name}: cosine {cosine} in bf16.");
        }
    }

    /// <summary>With two threads wherever it runs: a container may see 64 cores and have the time of two, and threads that wait for each other take it.</summary>
    private async Task MakeEncodersAsync()
    {
        ProcessStartInfo start = new("/usr/bin/python3", [Path.Combine(TorchReference.Folder, "make_encoders.py"), _scratch.Path])
        {
            RedirectStandardError = true,
            Environment = { ["OMP_NUM_THREADS"] = "2", ["OPENBLAS_NUM_THREADS"] = "2" },
        };
        using Process python = Process.Start(start)!;
        try
        {
            string error = await python.StandardError.ReadToEndAsync().WaitAsync(Patience);
            await python.WaitForExitAsync().WaitAsync(Patience);
            Assert.True(python.ExitCode == 0, error);
        }
        finally
        {
            if (!python.HasExited)
            {
                python.Kill(entireProcessTree: true);
            }
        }
    }

    private float[] Compute(IInferenceEngine engine, string name, int dimension, int tiles = 2)
    {
        byte[] pixels = [.. Enumerable.Range(0, tiles).SelectMany(i => ReferencePackages.Tile(i, 224))];
        using IInferenceSession session = engine.Load(Package(name, dimension), GraphRole.Tile, threads: 2);
        float[] rows = new float[tiles * dimension];
        if (session is ITileSession bytes)
        {
            bytes.RunTiles(new TileRun(pixels, rows, tiles, 224, "features", dimension, ImageNet));
            return rows;
        }

        float[] input = new float[pixels.Length];
        Inference.Batching.TileNormaliser normaliser = new(ImageNet);
        normaliser.Normalise(pixels.AsSpan(0, pixels.Length / 2), input.AsSpan(0, input.Length / 2));
        normaliser.Normalise(pixels.AsSpan(pixels.Length / 2), input.AsSpan(input.Length / 2));
        return session.Run([new TensorView("pixels", input, [2, 3, 224, 224])], ["features"])[0].Data;
    }

    private ModelPackage Package(string name, int dimension)
    {
        string folder = Path.Combine(_scratch.Path, name);
        string graph = Path.Combine(folder, "tile.onnx");
        if (!Directory.Exists(folder))
        {
            Directory.CreateDirectory(folder);
            File.Move(Path.Combine(_scratch.Path, name + ".onnx"), graph);
            using FileStream stream = File.OpenRead(graph);
            string sha256 = Convert.ToHexStringLower(SHA256.HashData(stream));
            File.WriteAllText(Path.Combine(folder, ModelPackage.ManifestFileName), $$"""
                { "format": "slidemesh-model/1", "name": "encoder", "version": "1.0.0", "kind": "encoder",
                  "tile": { "sizePx": 224, "micronsPerPixel": 0.5 },
                  "normalisation": { "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225] },
                  "graphs": { "tile": { "file": "tile.onnx",
                    "inputs": [ { "name": "pixels", "shape": [-1, 3, 224, 224] } ], "outputs": [ { "name": "features", "shape": [-1, {{dimension}}] } ] } },
                  "files": [ { "path": "tile.onnx", "sha256": "{{sha256}}", "bytes": {{stream.Length}} } ] }
                """);
        }

        return ModelPackage.Load(folder);
    }

    private static double Cosine(float[] a, float[] b)
    {
        double dot = a.Zip(b).Sum(pair => (double)pair.First * pair.Second);
        return dot / Math.Sqrt(a.Sum(v => (double)v * v) * b.Sum(v => (double)v * v));
    }
}
