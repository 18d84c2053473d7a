namespace SlideMesh.Models.Architectures.Encoders;

/// <summary>Every encoder that can be imported.</summary>
public static class EncoderCatalog
{
    public static IReadOnlyList<IArchitecture> All { get; } = [];
}
