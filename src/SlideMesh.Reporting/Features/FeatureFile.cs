using SlideMesh.Prediction.Bags;
using SlideMesh.Reporting.Features.Hdf5;
using SlideMesh.Tissue.Quality;

namespace SlideMesh.Reporting.Features;

/// <summary>
/// A features file, read in blocks. Coordinates are held in memory (16 bytes a tile), features are not. Safe for concurrent reads:
/// the HDF5 library runs one call at a time. CLAM's and TRIDENT's files are read too (what they do not say is null or 0).
/// </summary>
public sealed class FeatureFile : IFeatureBag, IDisposable
{
    private readonly string _path;
    private readonly Hdf5File _file;
    private readonly Hdf5Id _features;
    private readonly long[] _coordinates;

    private FeatureFile(string path)
    {
        _path = path;
        _file = Hdf5File.OpenRead(path);
        try
        {
            _features = _file.OpenDataset("features", out long rows, out int dimension);
            Count = checked((int)rows);
            Dimension = dimension;
            using Hdf5Id coords = _file.OpenDataset("coords", out long coordRows, out int axes);
            if (coordRows != rows || axes != 2)
            {
                throw new Hdf5Exception($"{path}: coords is [{coordRows}, {axes}] but features has {rows} rows; the file is damaged, delete it and run again");
            }

            _coordinates = new long[checked(Count * 2)];
            _file.ReadRows<long>(coords, Hdf5Library.Instance.Int64, 0, 2, _coordinates);
            int edge = (int)(_file.ReadNumber(coords, "patch_size_level0") ?? 0);
            TileSizeLevel0 = (
                (int)(_file.ReadNumber(_file.Root, "tile_width_level0") ?? edge),
                (int)(_file.ReadNumber(_file.Root, "tile_height_level0") ?? edge));
            SlideFingerprint = _file.ReadText(_file.Root, "slide_fingerprint");
            Stream = _file.ReadText(_file.Root, "stream");
            Encoder = _file.ReadText(_file.Root, "encoder");
            EncoderSha256 = _file.ReadText(_file.Root, "encoder_sha256");
            SoftwareVersion = _file.ReadText(_file.Root, "slidemesh_version");
        }
        catch
        {
            _features?.Dispose();
            _file.Dispose();
            throw;
        }
    }

    /// <summary>Version of the HDF5 library in use.</summary>
    /// <exception cref="Slides.Native.NativeLibraryUnavailableException">It is missing or too old.</exception>
    public static string Hdf5Version => Hdf5Library.LibraryVersion;

    public int Count { get; }

    public int Dimension { get; }

    public ReadOnlySpan<long> Coordinates => _coordinates;

    public (int Width, int Height) TileSizeLevel0 { get; }

    public string? SlideFingerprint { get; }

    /// <summary>Id of the feature stream.</summary>
    public string? Stream { get; }

    /// <summary>Name of the package that made the features.</summary>
    public string? Encoder { get; }

    public string? EncoderSha256 { get; }

    public string? SoftwareVersion { get; }

    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="Hdf5Exception">The file is truncated, damaged or no features file.</exception>
    public static FeatureFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return File.Exists(path) ? new FeatureFile(path) : throw new FileNotFoundException($"{path}: no such features file", path);
    }

    public void Read(int start, int count, Span<float> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + count, Count);
        int length = checked(count * Dimension);
        if (destination.Length < length)
        {
            throw new ArgumentException($"{length} floats are needed, {destination.Length} were given.", nameof(destination));
        }

        _file.ReadRows(_features, Hdf5Library.Instance.Float32, start, Dimension, destination[..length]);
    }

    /// <summary>Findings on every tile; empty when the file (another tool's) has none.</summary>
    public TileQuality[] ReadQuality()
    {
        Hdf5Id quality;
        try
        {
            quality = _file.OpenDataset("quality", out long rows, out int columns);
            if (rows != Count || columns != 3)
            {
                quality.Dispose();
                throw new Hdf5Exception($"{_path}: quality is [{rows}, {columns}] but features has {Count} rows");
            }
        }
        catch (Hdf5Exception) when (Encoder is null)
        {
            return [];
        }

        using (quality)
        {
            float[] values = new float[Count * 3];
            _file.ReadRows<float>(quality, Hdf5Library.Instance.Float32, 0, 3, values);
            TileQuality[] findings = new TileQuality[Count];
            for (int i = 0; i < Count; i++)
            {
                findings[i] = new TileQuality(values[i * 3], values[(i * 3) + 1], values[(i * 3) + 2]);
            }

            return findings;
        }
    }

    public void Dispose()
    {
        _features.Dispose();
        _file.Dispose();
    }
}
