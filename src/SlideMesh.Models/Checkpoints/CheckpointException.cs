namespace SlideMesh.Models.Checkpoints;

/// <summary>A checkpoint or model file that cannot be imported. The message is one line: which file, what is wrong, what to do.</summary>
public sealed class CheckpointException(string path, string message, Exception? inner = null) : Exception($"{path}: {message}", inner)
{
    /// <summary>File or folder that the message speaks about.</summary>
    public string Path { get; } = path;
}
