using SlideMesh.Models.Checkpoints;
using SlideMesh.Reporting.Features;

namespace SlideMesh.Mesh.Features;

/// <summary>
/// A tensor [N, D] or [1, N, D] in a file of its own, as CLAM's <c>pt_files</c> are: features without places and without a word on what made
/// them. Read in blocks; nothing in the file is run.
/// </summary>
internal sealed class TorchFeatures : IFeatureSource
{
    private readonly Checkpoint _file;
    private readonly CheckpointTensor _tensor;

    private TorchFeatures(string path, Checkpoint file, CheckpointTensor tensor)
    {
        _file = file;
        _tensor = tensor;
        string shown = $"the tensor is [{string.Join(", ", tensor.Shape)}]";
        bool isFloat = tensor.ElementType is TensorElementType.Float16 or TensorElementType.BFloat16 or TensorElementType.Float32 or TensorElementType.Float64;
        if (tensor.Shape.Count < 2 || tensor.Shape.Take(tensor.Shape.Count - 2).Any(extent => extent != 1) || tensor.Shape[^1] == 0 || !isFloat)
        {
            throw new FeatureFileException(path, FeatureFileFailure.FeaturesShape, $"{path}: {shown} of {tensor.ElementType}; [tiles, width] of floating-point numbers is needed");
        }

        if (tensor.Shape[^2] > FeatureFile.MaximumRows || tensor.Shape[^1] > FeatureFile.MaximumColumns)
        {
            throw new FeatureFileException(
                path, FeatureFileFailure.TooLarge, $"{path}: {shown}; at most {FeatureFile.MaximumRows} tiles of width {FeatureFile.MaximumColumns} are read");
        }

        if (!tensor.IsRowMajor)
        {
            throw new FeatureFileException(path, FeatureFileFailure.FeaturesShape, $"{path}: the tensor is a transposed or strided view; save features.contiguous()");
        }

        (Count, Dimension) = ((int)tensor.Shape[^2], (int)tensor.Shape[^1]);
    }

    public int Count { get; }

    public int Dimension { get; }

    public FeatureClaims Claims { get; } = new() { Format = FeatureFormat.Torch, Unit = CoordinateUnit.Unknown };

    public ReadOnlySpan<long> Coordinates => [];

    public ReadOnlySpan<double> Microns => [];

    public (int Width, int Height) TileSizeLevel0 => (0, 0);

    /// <exception cref="FeatureFileException">It is no file of PyTorch's, holds something else, or is damaged.</exception>
    public static TorchFeatures Open(string path)
    {
        Checkpoint file;
        try
        {
            file = CheckpointReader.OpenTensor(path);
        }
        catch (CheckpointException refused)
        {
            throw new FeatureFileException(path, FeatureFileFailure.NotFeatures, refused.Message);
        }

        try
        {
            return new TorchFeatures(path, file, file.Tensors.Values.Single());
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public void Read(int start, int count, Span<float> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + count, Count);
        _tensor.Read((long)start * Dimension, destination[..checked(count * Dimension)]);
    }

    public void Dispose() => _file.Dispose();
}
