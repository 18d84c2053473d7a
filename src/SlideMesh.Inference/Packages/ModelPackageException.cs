namespace SlideMesh.Inference.Packages;

/// <summary>A model package that cannot be used. The message is one line: which package, what is wrong, what to do.</summary>
public sealed class ModelPackageException(string path, string message, Exception? inner = null) : Exception($"{path}: {message}", inner)
{
    /// <summary>Folder or file that the message speaks about.</summary>
    public string Path { get; } = path;
}
