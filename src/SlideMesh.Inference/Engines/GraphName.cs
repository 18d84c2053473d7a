namespace SlideMesh.Inference.Engines;

/// <summary>
/// How messages name a graph: package folder and file, e.g. <c>demo-encoder/tile.onnx</c>. They end up in failures.csv, which must not
/// depend on where models are installed nor tell it.
/// </summary>
internal sealed class GraphName
{
    private readonly string _path;
    private readonly string _fullPath;
    private readonly string _folder;
    private readonly string _folderName;

    public GraphName(string path)
    {
        _path = path;
        _fullPath = Path.GetFullPath(path);
        _folder = Path.GetDirectoryName(_fullPath) ?? "";
        _folderName = Path.GetFileName(_folder);
    }

    public override string ToString() => _folderName.Length > 0 ? $"{_folderName}/{Path.GetFileName(_fullPath)}" : Path.GetFileName(_fullPath);

    /// <summary>The engine's own text with this graph's path and folder shortened.</summary>
    public string WithoutPath(string message)
    {
        string text = message.Replace(_fullPath, ToString(), StringComparison.Ordinal).Replace(_path, ToString(), StringComparison.Ordinal);
        return _folderName.Length > 0 ? text.Replace(_folder, _folderName, StringComparison.Ordinal) : text;
    }
}
