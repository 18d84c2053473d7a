using SlideMesh.Inference.Engines;
using SlideMesh.Prediction.Bags;

namespace SlideMesh.Prediction.Heads;

/// <summary>A model that answers for a slide from its tiles' features. Safe to call from several threads.</summary>
internal interface ISlideHead : IDisposable
{
    /// <param name="facts">What the head is told about the case.</param>
    /// <exception cref="PredictionException">Features or outputs that are not finite, or a package that contradicts itself.</exception>
    HeadResult Evaluate(IFeatureBag bag, CaseFacts facts, CancellationToken cancellationToken);
}

/// <param name="Covariates">As long as the package's covariates.</param>
/// <param name="Omics">Scaled, [G]; empty when the head takes none.</param>
internal sealed record CaseFacts(float[] Covariates, float[] Omics);

/// <param name="Outputs">Outputs of the head's last graph by name.</param>
/// <param name="Intermediates"><c>pooled</c> (K × H) or <c>summary</c>, for fusion heads.</param>
/// <param name="Tiles">What the head says about each tile; null when it says nothing.</param>
internal sealed record HeadResult(
    IReadOnlyDictionary<string, Tensor> Outputs, IReadOnlyDictionary<string, float[]> Intermediates, TileValues? Tiles)
{
    /// <summary>A fusion head's slide source; null when the head has no such tensor.</summary>
    public float[]? Find(string tensor) =>
        Intermediates.TryGetValue(tensor, out float[]? values) ? values
        : Outputs.TryGetValue(tensor, out Tensor? output) ? output.Data : null;
}

/// <summary>Numbers per tile, row-major [N, <paramref name="Width"/>]: raw attention, or scores.</summary>
internal sealed record TileValues(float[] Values, int Width)
{
    public float[] Column(int index)
    {
        float[] column = new float[Values.Length / Width];
        for (int i = 0; i < column.Length; i++)
        {
            column[i] = Values[(i * Width) + index];
        }

        return column;
    }
}
