using System.IO.Compression;
using System.Text.RegularExpressions;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Inference.LibTorch;

/// <summary>
/// Checks a TorchScript file before libtorch opens it, and after. It is a program: it may only compute. What libtorch would run while it
/// loads (a class's <c>__setstate__</c>) and whatever reads or writes files is refused by its text; the native library looks through the
/// compiled program again before it runs.
/// </summary>
internal static partial class TorchScriptFile
{
    private const long MostCodeBytes = 16L << 20;

    /// <exception cref="InferenceException">The file is damaged, or its program may not run.</exception>
    public static void Check(string path, GraphName name)
    {
        try
        {
            using ZipArchive archive = ZipFile.OpenRead(path);
            if (archive.Entries.All(e => !e.FullName.EndsWith("/data.pkl", StringComparison.Ordinal)) || archive.Entries.All(e => !IsCode(e)))
            {
                throw new InferenceException($"{name} cannot be loaded: it is not a TorchScript file; save the module with torch.jit.save.");
            }

            if (archive.Entries.Where(IsCode).Sum(e => e.Length) > MostCodeBytes)
            {
                throw new InferenceException($"{name} cannot be loaded: its program is longer than {MostCodeBytes} bytes.");
            }

            foreach (ZipArchiveEntry entry in archive.Entries.Where(IsCode))
            {
                using StreamReader reader = new(entry.Open());
                if (Forbidden().Match(reader.ReadToEnd()) is { Success: true } found)
                {
                    throw new InferenceException(
                        $"{name} cannot be loaded: its program uses {found.Value.TrimEnd('(')}, which runs at loading or touches files; trace the module (torch.jit.trace) and save that.");
                }
            }
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new InferenceException($"{name} cannot be loaded: it is damaged or not a TorchScript file ({name.WithoutPath(e.Message)}).");
        }
    }

    /// <summary>Runs zeros of the declared shapes (two rows where free) and compares what comes out with what is declared.</summary>
    /// <exception cref="InferenceException">The program takes or gives something else, or fails.</exception>
    public static void TryRun(LibTorchSession session, int inputs, GraphSpec spec, GraphName name)
    {
        if (inputs != spec.Inputs.Count)
        {
            throw new InferenceException($"{name} cannot be used: its forward takes {inputs} tensors, model.json names {spec.Inputs.Count} inputs.");
        }

        TensorView[] zeros = [.. spec.Inputs.Select(input => Zeros(input.Name, [.. input.Shape]))];
        IReadOnlyList<Tensor> results = session.Run(zeros, [.. spec.Outputs.Select(o => o.Name)]);
        foreach ((TensorSpec declared, Tensor result) in spec.Outputs.Zip(results))
        {
            bool fits = declared.Shape.Count == result.Shape.Length && declared.Shape.Zip(result.Shape).All(pair => pair.First < 0 || pair.First == pair.Second);
            if (!fits)
            {
                throw new InferenceException(
                    $"{name} cannot be used: output '{declared.Name}' is [{string.Join(", ", result.Shape)}] for zeros of the declared inputs, [{string.Join(", ", declared.Shape)}] in model.json.");
            }
        }
    }

    private static TensorView Zeros(string name, long[] shape)
    {
        // Two rows; a picture of free size gets the edge that encoders are made for.
        long[] actual = [.. shape.Select((extent, i) => extent >= 0 ? extent : i == 0 ? 2 : 224)];
        return new TensorView(name, new float[actual.Aggregate(1L, (product, extent) => checked(product * extent))], actual);
    }

    private static bool IsCode(ZipArchiveEntry entry) => entry.FullName.Contains("/code/", StringComparison.Ordinal) && entry.FullName.EndsWith(".py", StringComparison.Ordinal);

    [GeneratedRegex(@"def __setstate__\(|\b(torch|aten)\.(save|from_file|load|_save)\(")]
    private static partial Regex Forbidden();
}
