using System.Globalization;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Reporting.OutputStore;

/// <summary>
/// Where features lie when other tools are to be pointed at them: TRIDENT's folders, a folder per view of the slides
/// (<c>20x_256px_0px_overlap</c>), in it <c>patches/</c> and a folder per encoder with one flat file a slide. CLAM's and STAMP's own
/// files lie in folders of their own beside it. docs/output-store.md says why.
/// </summary>
public sealed class FlatLayout
{
    private readonly Dictionary<string, FeatureStream> _streams;

    /// <exception cref="ArgumentException">Two streams would share their files.</exception>
    public FlatLayout(IReadOnlyList<FeatureStream> streams)
    {
        ArgumentNullException.ThrowIfNull(streams);
        _streams = streams.ToDictionary(s => s.Id, StringComparer.Ordinal);
        Streams = streams;
        IGrouping<string, FeatureStream>? clash = streams.GroupBy(s => Path.Combine(ViewFolder(s.View), s.Package), StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1);
        if (clash is not null)
        {
            throw new ArgumentException($"'{clash.First().Id}' and '{clash.Last().Id}' would share the folder {clash.Key}; give only one of them.", nameof(streams));
        }
    }

    public IReadOnlyList<FeatureStream> Streams { get; }

    /// <summary>TRIDENT's name for a view. Its magnification is nominal: 20x is 0.5 µm per pixel.</summary>
    public static string ViewFolder(TileView view)
    {
        ArgumentNullException.ThrowIfNull(view);
        return string.Create(CultureInfo.InvariantCulture, $"{Magnification(view):0.####}x_{view.SizePx}px_{view.OverlapPx}px_overlap");
    }

    /// <summary>10 / (µm per pixel).</summary>
    public static double Magnification(TileView view)
    {
        ArgumentNullException.ThrowIfNull(view);
        return 10 / view.MicronsPerPixel;
    }

    /// <summary><c>VIEW/features_ENCODER/ID.h5</c>.</summary>
    public string Features(string stream, string slide) => Of(stream, "features_", slide + ".h5");

    /// <summary>STAMP's copy: <c>VIEW/stamp_ENCODER/ID.h5</c>.</summary>
    public string Stamp(string stream, string slide) => Of(stream, "stamp_", slide + ".h5");

    /// <summary>CLAM's folder of an encoder, which holds <c>h5_files</c> and <c>pt_files</c>: <c>VIEW/clam_ENCODER</c>.</summary>
    public string Clam(string stream) => Of(stream, "clam_", "");

    /// <summary>CLAM's tensor: <c>VIEW/clam_ENCODER/pt_files/ID.pt</c>.</summary>
    public string Torch(string stream, string slide) => Of(stream, "clam_", Path.Combine("pt_files", slide + ".pt"));

    /// <summary>TRIDENT's coordinates: <c>VIEW/patches/ID_patches.h5</c>; encoders with the same view share it.</summary>
    public string Patches(string stream, string slide) => Path.Combine(ViewFolder(_streams[stream].View), "patches", slide + "_patches.h5");

    /// <summary>Every file that a slide may have here, relative to the output folder.</summary>
    public IEnumerable<string> FilesOf(string slide) => Streams.SelectMany(s => new[] { Features(s.Id, slide), Stamp(s.Id, slide), Torch(s.Id, slide), Patches(s.Id, slide) }).Distinct();

    private string Of(string stream, string prefix, string file) =>
        Path.Combine(ViewFolder(_streams[stream].View), prefix + _streams[stream].Package, file);
}
