using SlideMesh.Reporting.Features.Hdf5;
using SlideMesh.Tissue.Quality;

namespace SlideMesh.Reporting.Features;

/// <summary>
/// Writes <c>features/&lt;stream&gt;.h5</c> block by block: <c>features</c> float32 [N, D], <c>coords</c> int64 [N, 2] (level-0 top-left
/// corners, x then y), <c>quality</c> float32 [N, 3] (background share, pen share, blur variance). CLAM and TRIDENT read the file as it is
/// (attributes on <c>coords</c>); what made it stands in the root's attributes. The same input gives the same bytes. Not thread-safe.
/// </summary>
/// <remarks>
/// CLAM and TRIDENT mean different things by <c>patch_size</c> (pixels at <c>patch_level</c>; pixels at <c>target_magnification</c>).
/// Both describe the same tissue here, because both are given the edge that was read at the level that was read; the size and µm per pixel
/// that the encoder saw stand in the root attributes <c>tile_size_px</c> and <c>tile_mpp</c>.
/// </remarks>
public sealed class FeatureFileWriter : IDisposable
{
    private readonly Hdf5File _file;
    private readonly Hdf5Id _features;
    private readonly Hdf5Id _coords;
    private readonly Hdf5Id _quality;
    private readonly int _count;
    private readonly int _dimension;
    private int _written;

    private FeatureFileWriter(string path, FeatureFileHeader header, int count, int dimension)
    {
        _count = count;
        _dimension = dimension;
        _file = Hdf5File.Create(path);
        WriteRootAttributes(header);
        _features = _file.CreateDataset("features", Hdf5Library.Instance.Float32, count, dimension);
        _file.WriteAttribute(_features, "name", header.Slide.Value);
        _file.WriteAttribute(_features, "savetodir", ".");
        _file.WriteAttribute(_features, "encoder", header.Stream.Id);
        _coords = _file.CreateDataset("coords", Hdf5Library.Instance.Int64, count, 2);
        CoordinateAttributes.Write(_file, _coords, header);
        _quality = _file.CreateDataset("quality", Hdf5Library.Instance.Float32, count, 3);
        _file.WriteAttribute(_quality, "columns", "background_share,pen_share,blur_variance");
    }

    /// <param name="path">Temporary path; replaced when it exists. The caller renames it once this writer is disposed.</param>
    /// <param name="count">Number of rows N, which must all be appended; 0 makes a valid empty file.</param>
    /// <param name="dimension">Width D of a row, at least 1.</param>
    /// <exception cref="Hdf5Exception">The file cannot be made.</exception>
    public static FeatureFileWriter Create(string path, FeatureFileHeader header, int count, int dimension)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(header);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(dimension);
        return new FeatureFileWriter(path, header, count, dimension);
    }

    /// <summary>Appends rows in plan order.</summary>
    /// <param name="features">[rows, D].</param>
    /// <param name="coordinates">[rows, 2], level-0 top-left corners.</param>
    /// <param name="quality">[rows].</param>
    public void Append(ReadOnlySpan<float> features, ReadOnlySpan<long> coordinates, ReadOnlySpan<TileQuality> quality)
    {
        int rows = quality.Length;
        ArgumentOutOfRangeException.ThrowIfNotEqual(features.Length, checked(rows * _dimension), nameof(features));
        ArgumentOutOfRangeException.ThrowIfNotEqual(coordinates.Length, rows * 2, nameof(coordinates));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(_written + rows, _count, nameof(quality));

        float[] findings = new float[rows * 3];
        for (int i = 0; i < rows; i++)
        {
            findings[i * 3] = quality[i].BackgroundShare;
            findings[(i * 3) + 1] = quality[i].PenShare;
            findings[(i * 3) + 2] = quality[i].BlurVariance;
        }

        _file.WriteRows(_features, Hdf5Library.Instance.Float32, _written, _dimension, features);
        _file.WriteRows(_coords, Hdf5Library.Instance.Int64, _written, 2, coordinates);
        _file.WriteRows<float>(_quality, Hdf5Library.Instance.Float32, _written, 3, findings);
        _written += rows;
    }

    /// <summary>Checks that every row came and writes everything out. Call before <see cref="Dispose"/>; without it the file is not to be used.</summary>
    /// <exception cref="InvalidOperationException">Rows are missing.</exception>
    public void Complete()
    {
        if (_written != _count)
        {
            throw new InvalidOperationException($"{_written} of {_count} rows were appended to the features file.");
        }

        _file.Flush();
    }

    public void Dispose()
    {
        _features.Dispose();
        _coords.Dispose();
        _quality.Dispose();
        _file.Dispose();
    }

    private void WriteRootAttributes(FeatureFileHeader header)
    {
        Hdf5Id root = _file.Root;
        _file.WriteAttribute(root, "format", "slidemesh-features/1");
        _file.WriteAttribute(root, "slidemesh_version", header.SoftwareVersion);
        _file.WriteAttribute(root, "slide_id", header.Slide.Value);
        _file.WriteAttribute(root, "slide_fingerprint", header.SlideFingerprint);
        _file.WriteAttribute(root, "stream", header.Stream.Id);
        _file.WriteAttribute(root, "encoder", header.Stream.Package);
        _file.WriteAttribute(root, "encoder_sha256", header.EncoderSha256);
        _file.WriteAttribute(root, "tile_size_px", (long)header.Plan.Spec.SizePx);
        _file.WriteAttribute(root, "tile_overlap_px", (long)header.Plan.Spec.OverlapPx);
        _file.WriteAttribute(root, "tile_mpp", header.Plan.Spec.MicronsPerPixel);
        _file.WriteAttribute(root, "tile_width_level0", (long)header.Plan.SizeLevel0Width);
        _file.WriteAttribute(root, "tile_height_level0", (long)header.Plan.SizeLevel0Height);
        _file.WriteAttribute(root, "slide_mpp_x", header.Plan.SlideMicronsPerPixel.X);
        _file.WriteAttribute(root, "slide_mpp_y", header.Plan.SlideMicronsPerPixel.Y);
        _file.WriteAttribute(root, "slide_mpp_source", header.Plan.SlideMicronsPerPixel.Source.ToString());
    }
}
