using SlideMesh.Prediction.Bags;
using SlideMesh.Reporting.Features.Hdf5;
using SlideMesh.Tissue.Quality;

namespace SlideMesh.Reporting.Features;

/// <summary>
/// A features file, read in blocks: ours, CLAM's, TRIDENT's or STAMP's. Coordinates are held in memory (16 bytes a tile), features are not.
/// Features are <c>features</c> or <c>feats</c> [N, D] or [1, N, D] of floating-point numbers of any width, and come out as float32; beyond
/// its range as infinity, which no head accepts. Safe for concurrent reads: the HDF5 library runs one call at a time.
/// </summary>
public sealed class FeatureFile : IFeatureBag, IDisposable
{
    /// <summary>A slide of 200,000 × 200,000 pixels has 2.4 million tiles of 256 pixels that overlap by half.</summary>
    private const long MaximumRows = 1L << 24;

    /// <summary>A block of 4096 such rows takes 256 MiB.</summary>
    private const long MaximumColumns = 1L << 14;

    /// <summary>Far beyond any slide, far within what arithmetic on corners can hold.</summary>
    private const double MaximumCoordinate = 1L << 40;

    private readonly string _path;
    private readonly Hdf5File _file;
    private readonly Hdf5Id _features;
    private readonly long[] _coordinates = [];
    private readonly double[] _microns = [];

    private FeatureFile(string path)
    {
        _path = path;
        _file = Hdf5File.OpenRead(path);
        try
        {
            bool isStamp = !_file.Has("features") && _file.Has("feats");
            string name = isStamp ? "feats" : "features";
            _features = OpenFeatures(name, out int rows, out int dimension);
            (Count, Dimension) = (rows, dimension);
            using Hdf5Id? coords = OpenCoordinates(out Hdf5Kind kind);
            Claims = FeatureClaimsReader.Read(_file, _features, coords, isStamp);
            TileSizeLevel0 = FeatureClaimsReader.TileSizeLevel0(_file, coords);
            if (coords is not null && Claims.Unit == CoordinateUnit.Level0Pixels)
            {
                _coordinates = ReadPixels(coords, kind);
            }
            else if (coords is not null && Claims.Unit == CoordinateUnit.Microns)
            {
                _microns = ReadNumbers(coords);
            }
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

    /// <summary>Level-0 top-left corners, [N, 2]; empty when the file counts in something else, see <see cref="Claims"/>.</summary>
    public ReadOnlySpan<long> Coordinates => _coordinates;

    /// <summary>Top-left corners in µm, [N, 2]; empty unless the file counts in µm.</summary>
    public ReadOnlySpan<double> Microns => _microns;

    /// <summary>0 when the file does not say.</summary>
    public (int Width, int Height) TileSizeLevel0 { get; }

    /// <summary>What the file says about itself.</summary>
    public FeatureClaims Claims { get; }

    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="FeatureFileException">It holds no features, or they contradict themselves.</exception>
    /// <exception cref="Hdf5Exception">The file is truncated or damaged.</exception>
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
        catch (Hdf5Exception) when (Claims.Format != FeatureFormat.Slidemesh)
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

    private Hdf5Id OpenFeatures(string name, out int rows, out int columns)
    {
        if (!_file.Has(name))
        {
            throw Fail(FeatureFileFailure.NotFeatures, _file.Has("coords")
                ? "holds where tiles lie but no features; name the folder of features, not that of patches"
                : "has no dataset 'features' or 'feats'; this is no features file");
        }

        Hdf5Id features = _file.OpenDataset(name, out long[] shape, out Hdf5Kind kind);
        try
        {
            string shown = $"'{name}' is [{string.Join(", ", shape)}]";
            bool isTable = shape.Length >= 2 && shape[..^2].All(extent => extent == 1);
            if (!isTable)
            {
                throw Fail(FeatureFileFailure.FeaturesShape, shape.Length == 1
                    ? $"{shown}: one vector for the whole slide; heads take a row a tile"
                    : $"{shown}; [tiles, width] is needed");
            }

            if (kind != Hdf5Kind.Number || shape[^1] == 0)
            {
                throw Fail(FeatureFileFailure.FeaturesShape, $"{shown} of no floating-point numbers; float16, float32 or float64 is needed");
            }

            if (shape[^2] > MaximumRows || shape[^1] > MaximumColumns)
            {
                throw Fail(FeatureFileFailure.TooLarge, $"{shown}; at most {MaximumRows} tiles of width {MaximumColumns} are read");
            }

            (rows, columns) = ((int)shape[^2], (int)shape[^1]);
            return features;
        }
        catch
        {
            features.Dispose();
            throw;
        }
    }

    /// <returns>Null when the file has none.</returns>
    private Hdf5Id? OpenCoordinates(out Hdf5Kind kind)
    {
        kind = Hdf5Kind.Other;
        if (!_file.Has("coords"))
        {
            return null;
        }

        Hdf5Id coords = _file.OpenDataset("coords", out long[] shape, out kind);
        bool isTable = shape.Length >= 2 && shape[..^2].All(extent => extent == 1);
        if (isTable && shape[^2] == Count && shape[^1] == 2 && kind is Hdf5Kind.Number or Hdf5Kind.Integer)
        {
            return coords;
        }

        // An array of no tiles may come without a second dimension.
        coords.Dispose();
        return Count == 0 ? null : throw Fail(
            FeatureFileFailure.LengthMismatch,
            $"coords is [{string.Join(", ", shape)}] but features has {Count} rows; the file is damaged: make it again");
    }

    private long[] ReadPixels(Hdf5Id coords, Hdf5Kind kind)
    {
        if (kind == Hdf5Kind.Number)
        {
            return [.. ReadNumbers(coords).Select(value => (long)Math.Round(value, MidpointRounding.AwayFromZero))];
        }

        long[] corners = new long[checked(Count * 2)];
        _file.ReadRows<long>(coords, Hdf5Library.Instance.Int64, 0, 2, corners);
        return corners.All(value => Math.Abs((double)value) <= MaximumCoordinate) ? corners : throw OutOfRange();
    }

    private double[] ReadNumbers(Hdf5Id coords)
    {
        double[] corners = new double[checked(Count * 2)];
        _file.ReadRows<double>(coords, Hdf5Library.Instance.Float64, 0, 2, corners);
        // NaN compares false.
        return corners.All(value => Math.Abs(value) <= MaximumCoordinate) ? corners : throw OutOfRange();
    }

    private FeatureFileException OutOfRange() => Fail(FeatureFileFailure.FeaturesDamaged, "coords holds a number that is no place on a slide; make the file again");

    private FeatureFileException Fail(FeatureFileFailure reason, string message) => new(_path, reason, $"{_path}: {message}");
}
