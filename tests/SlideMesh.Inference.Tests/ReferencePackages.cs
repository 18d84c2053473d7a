using System.Text.Json;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Inference.Tests;

/// <summary>The packages and PyTorch results in tests/reference, with its input formulas (see make_reference.py there).</summary>
internal static class ReferencePackages
{
    public static string Root { get; } = FindCheckout();

    public static string Folder(string name) => Path.Combine(Root, "tests", "reference", "packages", name);

    public static string DemoFolder(string name) => Path.Combine(Root, "tools", "demo-models", name);

    public static IReadOnlyList<ModelPackage> LoadAll() =>
        [.. Directory.EnumerateDirectories(Folder("")).Order(StringComparer.Ordinal).Select(ModelPackage.Load)];

    public static JsonElement Expected(string name)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Root, "tests", "reference", "expected", $"{name}.json")));
        return document.RootElement.Clone();
    }

    public static float[] Floats(JsonElement rows) =>
        [.. rows.ValueKind == JsonValueKind.Array ? rows.EnumerateArray().SelectMany(Floats) : [rows.GetSingle()]];

    public static float[] Features(int n, int dimension)
    {
        float[] values = new float[n * dimension];
        for (int k = 0; k < values.Length; k++)
        {
            values[k] = (float)Math.Sin((k / dimension * 0.37) + (k % dimension * 1.13));
        }

        return values;
    }

    /// <summary>RGB bytes of reference tile <paramref name="n"/>.</summary>
    public static byte[] Tile(int n, int size)
    {
        byte[] rgb = new byte[size * size * 3];
        for (int k = 0; k < rgb.Length; k++)
        {
            int c = k % 3;
            int x = k / 3 % size;
            int y = k / 3 / size;
            rgb[k] = (byte)(((7 * x) + (13 * y) + (29 * c) + (53 * n)) % 256);
        }

        return rgb;
    }

    /// <summary>Copies a package into a scratch folder, so that a test may damage it.</summary>
    public static string CopyOf(string name, ScratchFolder scratch)
    {
        string target = Path.Combine(scratch.Path, name);
        Directory.CreateDirectory(target);
        foreach (string file in Directory.EnumerateFiles(Folder(name)))
        {
            File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
        }

        return target;
    }

    private static string FindCheckout()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "SlideMesh.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException("No SlideMesh.sln above the tests.");
    }
}
