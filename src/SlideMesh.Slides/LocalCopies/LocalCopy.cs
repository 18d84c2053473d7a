namespace SlideMesh.Slides.LocalCopies;

/// <summary>Where to read a slide. While it is not disposed, no process removes the copy.</summary>
public sealed class LocalCopy : IDisposable
{
    private readonly FileLock? _lock;

    internal LocalCopy(string path, string? whyInPlace, FileLock? held)
    {
        Path = path;
        WhyInPlace = whyInPlace;
        _lock = held;
    }

    public string Path { get; }

    /// <summary>Why the slide is read where it lies; null when it is read from a copy.</summary>
    public string? WhyInPlace { get; }

    public void Dispose() => _lock?.Dispose();

    internal static LocalCopy InPlace(string path, string why) => new(path, why, null);
}
