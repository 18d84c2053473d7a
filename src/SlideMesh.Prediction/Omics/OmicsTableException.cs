namespace SlideMesh.Prediction.Omics;

/// <summary>An omics table that cannot be used at all. The message is one line with the path and what to do.</summary>
public sealed class OmicsTableException(string path, string message, Exception? inner = null) : Exception(message, inner)
{
    public string Path { get; } = path;
}
