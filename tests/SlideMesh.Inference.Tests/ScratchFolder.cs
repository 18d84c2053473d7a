namespace SlideMesh.Inference.Tests;

/// <summary>A folder of a test's own, removed with everything in it.</summary>
internal sealed class ScratchFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("slidemesh-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
