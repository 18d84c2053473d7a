namespace SlideMesh.Models.Architectures.Heads;

/// <summary>Every head that can be imported.</summary>
public static class HeadCatalog
{
    public static IReadOnlyList<IArchitecture> All { get; } = [];
}
