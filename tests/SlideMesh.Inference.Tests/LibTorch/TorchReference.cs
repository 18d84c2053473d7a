using System.Text.Json;

namespace SlideMesh.Inference.Tests.LibTorch;

/// <summary>What PyTorch computed; see Reference/make_reference.py.</summary>
internal static class TorchReference
{
    public static string Folder { get; } = Path.Combine(ReferencePackages.Root, "tests", "SlideMesh.Inference.Tests", "LibTorch", "Reference");

    public static JsonElement Read()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "reference.json")));
        return document.RootElement.Clone();
    }
}
