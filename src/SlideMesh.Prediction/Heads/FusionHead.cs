using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;
using SlideMesh.Prediction.Omics;

namespace SlideMesh.Prediction.Heads;

/// <summary>Joins what other heads found on the slide with the case's omics in the graph <c>fusion</c>. Safe to call from several threads.</summary>
internal sealed class FusionHead(HeadGraph fusion, FusionInputs inputs, OmicsScaling omics) : IDisposable
{
    public OmicsScaling Omics => omics;

    /// <summary>Package of the first slide source that has no result, null when all have.</summary>
    public string? MissingSource(IReadOnlyDictionary<string, HeadResult> heads) =>
        inputs.SlideSources.Select(s => Split(s).Package).FirstOrDefault(p => !heads.ContainsKey(p));

    /// <param name="heads">Results of the run's slide heads by package name; must hold every slide source.</param>
    /// <param name="scaledOmics">[G], from <see cref="OmicsScaling.Scale"/>.</param>
    public IReadOnlyDictionary<string, Tensor> Evaluate(IReadOnlyDictionary<string, HeadResult> heads, float[] scaledOmics)
    {
        var slide = new List<float>();
        foreach (string source in inputs.SlideSources)
        {
            (string package, string tensor) = Split(source);
            float[] values = heads.GetValueOrDefault(package)?.Find(tensor)
                ?? throw fusion.Contract($"slide source '{source}' is not among what the loaded models give");
            slide.AddRange(values);
        }

        return fusion.Run((inputs.SlideInput, slide.ToArray()), (inputs.OmicsInput, scaledOmics));
    }

    public void Dispose() => fusion.Dispose();

    /// <summary><c>package/tensor</c>; a tensor name may itself hold a slash, a package name cannot.</summary>
    private static (string Package, string Tensor) Split(string source)
    {
        int slash = source.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? (source, "") : (source[..slash], source[(slash + 1)..]);
    }
}
