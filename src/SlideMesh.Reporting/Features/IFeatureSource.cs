using SlideMesh.Prediction.Bags;

namespace SlideMesh.Reporting.Features;

/// <summary>
/// Features that came from a file, with what the file says about itself. Implementations: HDF5 files of any tool
/// (<see cref="FeatureFile"/>), and PyTorch's tensors.
/// </summary>
public interface IFeatureSource : IFeatureBag, IDisposable
{
    /// <summary>What the file says about itself.</summary>
    FeatureClaims Claims { get; }

    /// <summary>Top-left corners in µm, [N, 2]; empty unless the file counts in µm.</summary>
    ReadOnlySpan<double> Microns { get; }
}
