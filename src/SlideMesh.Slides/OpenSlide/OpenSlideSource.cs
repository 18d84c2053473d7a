using System.Buffers;
using System.Globalization;
using SlideMesh.Slides.Native;
using SlideMesh.Slides.Pyramid;

namespace SlideMesh.Slides.OpenSlide;

/// <summary>
/// A slide read through OpenSlide: every format that the installed library knows. Label and macro pictures, which may show
/// a patient's name, are never read.
/// </summary>
/// <remarks>
/// Thread-safe. OpenSlide keeps the first error of a handle for ever and from then on answers every read with nothing, so a
/// handle in error state is replaced by a fresh one. Readers in flight keep the old handle alive. A reader that meets an error
/// reads once more with a handle that nobody else uses, because the error may be another thread's: only a region that
/// fails by itself is reported as unreadable.
/// </remarks>
public sealed unsafe class OpenSlideSource : ISlideSource
{
    private readonly Lock _replacing = new();
    private volatile OpenSlideHandle _handle;
    private bool _disposed;

    private OpenSlideSource(string path, string file, string vendor, OpenSlideHandle handle)
    {
        Path = path;
        File = file;
        Vendor = vendor;
        _handle = handle;
        Levels = ReadLevels(path, handle);
        ObjectivePower = Number("openslide.objective-power") is > 0 and double power ? power : null;
        MicronsPerPixel = MicronsPerPixelResolver.FromProperties(Property);
    }

    /// <summary>Version of the OpenSlide library in use.</summary>
    /// <exception cref="NativeLibraryUnavailableException">OpenSlide is not installed or too old.</exception>
    public static string LibraryVersion => OpenSlideLibrary.Version;

    public string Path { get; }

    /// <summary>Where the bytes are read: <see cref="Path"/>, or a copy of it.</summary>
    internal string File { get; }

    public string Vendor { get; }

    public string Reader => $"openslide {OpenSlideLibrary.Version}";

    public string? ReaderReason { get; internal set; }

    public IReadOnlyList<PyramidLevel> Levels { get; }

    public double? ObjectivePower { get; }

    public MicronsPerPixel? MicronsPerPixel { get; }

    /// <summary>JPEG tiles: 38 million measured on one core; JPEG 2000 less.</summary>
    public long PixelsPerSecond => 30_000_000;

    /// <exception cref="SlideFormatException">Missing, truncated, not a slide, or damaged; see its <c>Reason</c>.</exception>
    /// <exception cref="NativeLibraryUnavailableException">OpenSlide is not installed or too old.</exception>
    /// <param name="readFrom">A copy of the file to read instead; messages go on naming <paramref name="path"/>.</param>
    public static OpenSlideSource Open(string path, string? readFrom = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        _ = OpenSlideLibrary.Version;
        string file = readFrom ?? path;
        SlideFile.ThrowIfMissing(path, readFrom);
        if (FindTruncation(path, file) is { } truncation)
        {
            throw new SlideFormatException(path, SlideFailureReason.Truncated, $"'{path}' is truncated: {truncation}; copy it again.");
        }

        string vendor = OpenSlideLibrary.Text(OpenSlideNative.openslide_detect_vendor(file))
            ?? throw new SlideFormatException(
                path, SlideFailureReason.NotASlide, $"'{path}' is not a slide that OpenSlide {OpenSlideLibrary.Version} knows; leave it out or convert it.");
        OpenSlideHandle handle = OpenHandle(path, file);
        try
        {
            return new OpenSlideSource(path, file, vendor, handle);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>A property of the slide as OpenSlide names it, null when it has none.</summary>
    public string? Property(string name)
    {
        // The error state is not looked at: properties stay readable on a handle whose pixels failed.
        bool added = false;
        OpenSlideHandle handle = _handle;
        try
        {
            handle.DangerousAddRef(ref added);
            return OpenSlideLibrary.Text(OpenSlideNative.openslide_get_property_value(handle, name));
        }
        finally
        {
            if (added)
            {
                handle.DangerousRelease();
            }
        }
    }

    public (int Width, int Height) TilePx(int level)
    {
        return (Edge("width"), Edge("height"));

        int Edge(string axis) =>
            int.TryParse(Property($"openslide.level[{level}].tile-{axis}"), NumberStyles.None, CultureInfo.InvariantCulture, out int edge) && edge is > 0 and <= 4096
                ? edge
                : 256;
    }

    public void ReadRegion(Level0Point origin, int level, int width, int height, Span<byte> rgb)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfNegative(level);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(level, Levels.Count);
        int pixels = checked(width * height);
        ArgumentOutOfRangeException.ThrowIfLessThan(rgb.Length, checked(pixels * 3));

        uint[] argb = ArrayPool<uint>.Shared.Rent(pixels);
        try
        {
            Read(origin, level, width, height, argb);
            ArgbOverWhite.Convert(argb.AsSpan(0, pixels), rgb);
        }
        finally
        {
            ArrayPool<uint>.Shared.Return(argb);
        }
    }

    public void Dispose()
    {
        lock (_replacing)
        {
            _disposed = true;
            _handle.Dispose();
        }
    }

    private void Read(Level0Point origin, int level, int width, int height, uint[] argb)
    {
        OpenSlideHandle shared = _handle;
        if (TryRead(shared, origin, level, width, height, argb) is null)
        {
            return;
        }

        OpenSlideHandle own = OpenHandle(Path, File);
        string? error = TryRead(own, origin, level, width, height, argb);
        if (error is not null)
        {
            own.Dispose();
            own = OpenHandle(Path, File);
        }

        Replace(shared, own);
        if (error is not null)
        {
            throw new SlideFormatException(
                Path,
                SlideFailureReason.Unreadable,
                $"'{Path}': {width} × {height} pixels of level {level} at ({origin.X}, {origin.Y}) cannot be read: {error}.");
        }
    }

    /// <summary>Null when the pixels are good, else the library's text.</summary>
    private string? TryRead(OpenSlideHandle handle, Level0Point origin, int level, int width, int height, uint[] argb)
    {
        try
        {
            fixed (uint* dest = argb)
            {
                OpenSlideNative.openslide_read_region(handle, dest, origin.X, origin.Y, level, width, height);
            }

            return Error(handle);
        }
        catch (ObjectDisposedException) when (!_disposed)
        {
            return "the handle was replaced";
        }
    }

    private void Replace(OpenSlideHandle failed, OpenSlideHandle fresh)
    {
        lock (_replacing)
        {
            if (_disposed || _handle != failed)
            {
                fresh.Dispose();
                return;
            }

            _handle = fresh;
            failed.Dispose();
        }
    }

    private static string? FindTruncation(string path, string file)
    {
        try
        {
            return TiffTruncation.Find(file);
        }
        catch (NotSupportedException e)
        {
            throw new SlideFormatException(path, SlideFailureReason.NotASlide, $"'{path}' is a device, not a file; leave it out.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SlideFormatException(path, SlideFailureReason.Unreadable, $"'{path}' cannot be opened: {e.Message}", e);
        }
    }

    private static OpenSlideHandle OpenHandle(string path, string file)
    {
        OpenSlideHandle handle = OpenSlideNative.openslide_open(file);
        if (handle.IsInvalid)
        {
            handle.Dispose();
            throw new SlideFormatException(path, SlideFailureReason.NotASlide, $"'{path}' is no longer recognised as a slide.");
        }

        if (Error(handle) is { } error)
        {
            handle.Dispose();
            throw new SlideFormatException(path, SlideFailureReason.Unreadable, $"'{path}' cannot be opened: {error}; copy or export it again.");
        }

        return handle;
    }

    private static PyramidLevel[] ReadLevels(string path, OpenSlideHandle handle)
    {
        var levels = new PyramidLevel[Math.Max(0, OpenSlideNative.openslide_get_level_count(handle))];
        for (int i = 0; i < levels.Length; i++)
        {
            OpenSlideNative.openslide_get_level_dimensions(handle, i, out long width, out long height);
            levels[i] = new PyramidLevel(i, width, height, OpenSlideNative.openslide_get_level_downsample(handle, i));
        }

        string? problem = Error(handle)
            ?? (levels.Length == 0 || levels.Any(l => l is { Width: <= 0 } or { Height: <= 0 }) ? "it has no level with pixels" : null);
        return problem is null
            ? levels
            : throw new SlideFormatException(path, SlideFailureReason.Unreadable, $"'{path}' cannot be opened: {problem}; copy or export it again.");
    }

    private double? Number(string property) =>
        double.TryParse(Property(property), NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : null;

    /// <summary>The one place where the library's error state is looked at.</summary>
    private static string? Error(OpenSlideHandle handle) => OpenSlideLibrary.Text(OpenSlideNative.openslide_get_error(handle));
}
