using SlideMesh.Inference.Packages;

namespace SlideMesh.Inference.Tests.Packages;

internal static class ManifestEdit
{
    /// <summary>Replaces the first occurrence of <paramref name="original"/> in a package's manifest; it must be there.</summary>
    public static void Replace(string folder, string original, string changed)
    {
        string file = Path.Combine(folder, ModelPackage.ManifestFileName);
        string text = File.ReadAllText(file);
        int at = text.IndexOf(original, StringComparison.Ordinal);
        Assert.True(at >= 0, $"'{original}' does not stand in {file}.");
        File.WriteAllText(file, string.Concat(text.AsSpan(0, at), changed, text.AsSpan(at + original.Length)));
    }
}
