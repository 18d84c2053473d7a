namespace SlideMesh.Models.Checkpoints;

/// <summary>
/// The tensors of an open checkpoint, by cleaned name, in ordinal order. Dispose closes the file: load weights before that.
/// </summary>
public sealed class Checkpoint : IDisposable
{
    private readonly IDisposable _file;

    internal Checkpoint(string path, IDisposable file, IReadOnlyDictionary<string, CheckpointTensor> tensors)
    {
        Path = path;
        _file = file;
        Tensors = new SortedDictionary<string, CheckpointTensor>(tensors.ToDictionary(), StringComparer.Ordinal);
    }

    public string Path { get; }

    public IReadOnlyDictionary<string, CheckpointTensor> Tensors { get; }

    /// <summary>A fresh view of the tensors that keeps count of which ones were used.</summary>
    public StateDict Weights() => new(Path, Tensors);

    public void Dispose() => _file.Dispose();
}
