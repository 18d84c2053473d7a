using SlideMesh.Slides;

namespace SlideMesh.Reporting.OutputStore;

/// <summary>Where the files of one slide lie in the output store.</summary>
/// <param name="flat">Where its features lie, when other tools are to find them; null puts them into the slide's own folder.</param>
/// <param name="root">The slide's own folder; null: below the output folder.</param>
public sealed class SlideFolder(string outputRoot, SlideId slide, FlatLayout? flat = null, string? root = null)
{
    private static readonly string[] FeatureFolders = ["features_", "stamp_", "clam_"];

    public SlideId Slide { get; } = slide;

    public string Root { get; } = root ?? Path.Combine(outputRoot, "slides", slide.Value);

    public string Plan => File("plan.json");

    public string TissueGeoJson => File("tissue.geojson");

    public string Quality => File("qc.json");

    public string QualityGeoJson => File("quality.geojson");

    public string Thumbnail => File("thumbnail.jpg");

    public string Predictions => File("predictions.json");

    public string Report => File("report.html");

    /// <summary>Ledger of finished stages, see <see cref="StageLedger"/>.</summary>
    public string Ledger => File("ledger.json");

    public string Shards => File("shards");

    public string Heatmaps => File("heatmaps");

    public string TopTiles => File("tiles");

    public string FeaturesFolder => File("features");

    public string Features(string stream) =>
        flat is null ? Path.Combine(FeaturesFolder, stream + ".h5") : Path.Combine(outputRoot, flat.Features(stream, Slide.Value));

    /// <summary>STAMP's copy of the features.</summary>
    public string Stamp(string stream) =>
        flat is null ? Path.Combine(FeaturesFolder, stream + ".stamp.h5") : Path.Combine(outputRoot, flat.Stamp(stream, Slide.Value));

    /// <summary>CLAM's tensor of the features.</summary>
    public string Torch(string stream) =>
        flat is null ? Path.Combine(FeaturesFolder, stream + ".pt") : Path.Combine(outputRoot, flat.Torch(stream, Slide.Value));

    /// <summary>TRIDENT's coordinates; null in a slide's own folder, where nobody would look for them.</summary>
    public string? Patches(string stream) => flat is null ? null : Path.Combine(outputRoot, flat.Patches(stream, Slide.Value));

    /// <summary>Temporary files of this slide outside of <see cref="Root"/> that a killed process may have left.</summary>
    public IEnumerable<string> LeftoversElsewhere() => (flat?.FilesOf(Slide.Value) ?? [])
        .Select(file => Path.Combine(outputRoot, Path.GetDirectoryName(file)!, AtomicFile.TemporaryPrefix + Path.GetFileName(file)));

    /// <summary>
    /// Whether a full path is this slide's to delete: it lies in <see cref="Root"/>, or bears the slide's id in a folder of features of
    /// this output folder. A ledger is a file like any other, and may name anything.
    /// </summary>
    public bool Owns(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (path.StartsWith(Path.GetFullPath(Root) + Path.DirectorySeparatorChar, StringComparison.Ordinal))
        {
            return true;
        }

        string[] parts = Path.GetRelativePath(Path.GetFullPath(outputRoot), path).Split(Path.DirectorySeparatorChar);
        return parts.Length >= 3 && parts[0] is not (".." or "slides") && !Path.IsPathRooted(parts[0])
            && (parts[1] == "patches" || FeatureFolders.Any(prefix => parts[1].StartsWith(prefix, StringComparison.Ordinal)))
            && (Path.GetFileNameWithoutExtension(parts[^1]) == Slide.Value || parts[^1] == Slide.Value + "_patches.h5");
    }

    public string Shard(string stream, int index) => Path.Combine(Shards, $"{stream}.{index:D6}.shard");

    public string Tiles(string stream) => Path.Combine(Shards, stream + ".tiles");

    /// <summary>The same files in another folder: work that is not published yet.</summary>
    public static SlideFolder At(string folder, SlideId slide) => new(Path.GetDirectoryName(folder)!, slide, root: folder);

    /// <summary>Path of a file of this slide as the ledger names it: relative, with forward slashes.</summary>
    public string RelativeName(string path) => Path.GetRelativePath(Root, path).Replace('\\', '/');

    private string File(string name) => Path.Combine(Root, name);
}
