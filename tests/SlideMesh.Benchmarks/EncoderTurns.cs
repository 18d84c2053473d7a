using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.OnnxRuntime;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Benchmarks;

/// <summary>
/// One side of tools/bench/encoders.py: an encoder on a batch of made-up pixels, one run for each line of standard input, so that two
/// sides can take turns run by run.
/// </summary>
internal static class EncoderTurns
{
    /// <summary>Writes the features of the first run to <paramref name="features"/> (float32, [batch, D]), then answers each line with seconds.</summary>
    public static void Serve(string package, int batch, int threads, string features)
    {
        ModelPackage loaded = ModelPackage.Load(package);
        GraphSpec graph = loaded.Manifest.Graphs[GraphRole.Tile];
        int side = loaded.Manifest.Tile!.SizePx;
        using OnnxRuntimeEngine engine = new();
        using IInferenceSession session = engine.Load(Path.Combine(package, graph.File), threads);
        TensorView pixels = new(graph.Inputs[0].Name, Pixels(batch * 3 * side * side), [batch, 3, side, side]);
        File.WriteAllBytes(features, MemoryMarshal.AsBytes(session.Run([pixels], [graph.Outputs[0].Name])[0].Data.AsSpan()).ToArray());
        Console.WriteLine("ready");
        while (Console.ReadLine() is not null)
        {
            long start = Stopwatch.GetTimestamp();
            session.Run([pixels], [graph.Outputs[0].Name]);
            Console.WriteLine(Stopwatch.GetElapsedTime(start).TotalSeconds.ToString("0.0000", CultureInfo.InvariantCulture));
        }
    }

    // −1 to 1 in steps of 1/128, the same on both sides: (i · 40503 mod 65536) / 256 as a whole number.
    private static float[] Pixels(int count) => [.. Enumerable.Range(0, count).Select(i => (unchecked((uint)i * 40503u) % 65536 / 256 / 128f) - 1)];
}
