using SlideMesh.Slides;

namespace SlideMesh.Reporting.OutputStore;

/// <summary>Where the files of one slide lie in the output store.</summary>
public sealed class SlideFolder
{
    public SlideFolder(string outputRoot, SlideId slide)
        : this(slide, Path.Combine(outputRoot, "slides", slide.Value))
    {
    }

    private SlideFolder(SlideId slide, string root)
    {
        Slide = slide;
        Root = root;
    }

    public SlideId Slide { get; }

    public string Root { get; }

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

    public string Features(string stream) => Path.Combine(FeaturesFolder, stream + ".h5");

    public string Shard(string stream, int index) => Path.Combine(Shards, $"{stream}.{index:D6}.shard");

    public string Tiles(string stream) => Path.Combine(Shards, stream + ".tiles");

    /// <summary>The same files in another folder: work that is not published yet.</summary>
    public static SlideFolder At(string folder, SlideId slide) => new(slide, folder);

    /// <summary>Path of a file of this slide as the ledger names it: relative, with forward slashes.</summary>
    public string RelativeName(string path) => Path.GetRelativePath(Root, path).Replace('\\', '/');

    private string File(string name) => Path.Combine(Root, name);
}
