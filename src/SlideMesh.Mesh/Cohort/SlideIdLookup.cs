namespace SlideMesh.Mesh.Cohort;

/// <summary>
/// Finds the files of a manifest that names slides by <c>slide_id</c> only, as those of CLAM and TOAD (the name without extension) and
/// PORPOISE (with it) do: beside the manifest, or at any depth of a folder <c>slides/</c> beside it.
/// </summary>
internal sealed class SlideIdLookup
{
    private readonly string _manifestPath;
    private readonly ILookup<string, string> _byName;

    public SlideIdLookup(string manifestPath, string folder)
    {
        _manifestPath = manifestPath;
        _byName = SlideSearch.Slides(folder, deep: false)
            .Concat(SlideSearch.Slides(Path.Combine(folder, "slides"), deep: true))
            .SelectMany(file => new[] { (Name: Path.GetFileNameWithoutExtension(file), File: file), (Name: Path.GetFileName(file), File: file) })
            .ToLookup(f => f.Name, f => f.File, StringComparer.Ordinal);
    }

    /// <returns>Absolute path.</returns>
    /// <exception cref="CohortException">No file, or several, bear the name.</exception>
    public string Find(string slideId) => _byName[slideId].Take(2).ToArray() switch
    {
        [string file] => file,
        [] => throw new CohortException(
            $"manifest '{_manifestPath}' has no column 'slide' with paths, and no slide '{slideId}' lies beside it or in slides/; add a column 'slide' with paths"),
        var several => throw new CohortException(
            $"manifest '{_manifestPath}' has no column 'slide' with paths, and slide_id '{slideId}' may be '{Path.GetFileName(several[0])}' or "
            + $"'{Path.GetFileName(several[1])}'; add a column 'slide' with paths"),
    };
}
