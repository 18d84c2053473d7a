using Microsoft.Win32.SafeHandles;
using SlideMesh.Slides.Native;
using SlideMesh.Slides.OpenSlide;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.TurboJpeg;

namespace SlideMesh.Slides.TiledTiff;

/// <summary>
/// A slide in a tiled TIFF of JPEG tiles (Aperio SVS, generic pyramids; classic and BigTIFF), decoded by libjpeg-turbo without
/// OpenSlide in between. Gives what <see cref="OpenSlideSource"/> gives, byte for byte: levels and properties are OpenSlide's own, and
/// a region goes to OpenSlide when it lies at a fraction of a level's pixel (OpenSlide blends there) or touches a tile that does
/// not decode cleanly, so that OpenSlide also decides what is an error.
/// </summary>
/// <remarks>Thread-safe. Reads are positional and take no lock that all threads share.</remarks>
public sealed class TiledTiffSource : ISlideSource
{
    /// <summary>
    /// 341 tiles of 256 pixels: an unaligned walk row by row, which holds two rows of them, decodes each tile once on tissue up to
    /// 43,000 pixels wide. On wider tissue a tile that two rows of the walk share is decoded for each.
    /// </summary>
    public const long DefaultCacheBytes = 64L << 20;

    private const int ComparedEdge = 256;

    private readonly OpenSlideSource _openSlide;
    private readonly SafeFileHandle _file;
    private readonly TiledTiffLevel[] _levels;
    private readonly TileDecoder _decoder;
    private readonly TileCache _cache;
    private readonly int[][] _decodedOnce;
    private volatile bool _isRevisited;
    private long _delegated;

    private TiledTiffSource(OpenSlideSource openSlide, SafeFileHandle file, TiledTiffLevel[] levels, long cacheBytes)
    {
        _openSlide = openSlide;
        _file = file;
        _levels = levels;
        _decoder = new TileDecoder(file);
        _cache = new TileCache(cacheBytes, levels.Max(l => l.TileWidth * l.TileHeight * 3));
        _decodedOnce = [.. levels.Select(l => new int[(l.TileCount + 31) / 32])];
    }

    public string Path => _openSlide.Path;

    public string Vendor => _openSlide.Vendor;

    public string Reader => $"tiled-tiff, {_openSlide.Reader}";

    public IReadOnlyList<PyramidLevel> Levels => _openSlide.Levels;

    public double? ObjectivePower => _openSlide.ObjectivePower;

    public MicronsPerPixel? MicronsPerPixel => _openSlide.MicronsPerPixel;

    /// <summary>YCbCr tiles: 350 million measured on one core; RGB tiles 220 million.</summary>
    public long PixelsPerSecond => 200_000_000;

    /// <summary>Source tiles decoded so far, damaged ones included.</summary>
    internal long DecodedTiles => _decoder.Decoded;

    /// <summary>Regions that OpenSlide read.</summary>
    internal long DelegatedRegions => Interlocked.Read(ref _delegated);

    /// <summary>Takes over an open slide when it qualifies. One tile of every level is read both ways and compared first.</summary>
    /// <param name="openSlide">Belongs to the new source afterwards; on null it stays the caller's.</param>
    /// <param name="reason">Why OpenSlide has to serve the file; null when it has not.</param>
    internal static TiledTiffSource? TryCreate(OpenSlideSource openSlide, long cacheBytes, out string? reason)
    {
        SafeFileHandle? file = null;
        TiledTiffSource? source = null;
        try
        {
            file = File.OpenHandle(openSlide.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.RandomAccess);
            source = new TiledTiffSource(openSlide, file, TiledTiffLayout.Read(file, openSlide), cacheBytes);
            source.CompareWithOpenSlide();
            reason = null;
            return source;
        }
        catch (Exception e) when (e is UnservedTiffException or SlideFormatException or IOException or UnauthorizedAccessException
            or JpegException or NativeLibraryUnavailableException or DllNotFoundException or EntryPointNotFoundException)
        {
            reason = e.Message;
            source?._decoder.Dispose();
            file?.Dispose();
            return null;
        }
    }

    public (int Width, int Height) TilePx(int level) => (_levels[level].TileWidth, _levels[level].TileHeight);

    public void ReadRegion(Level0Point origin, int level, int width, int height, Span<byte> rgb)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfNegative(level);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(level, _levels.Length);
        int bytes = checked(width * height * 3);
        ArgumentOutOfRangeException.ThrowIfLessThan(rgb.Length, bytes);
        ObjectDisposedException.ThrowIf(_file.IsClosed, this);
        if (!_levels[level].TryLocate(origin, width, height, out long x, out long y)
            || !TryRead(_levels[level], new LevelRegion(x, y, width, height), rgb[..bytes]))
        {
            Interlocked.Increment(ref _delegated);
            _openSlide.ReadRegion(origin, level, width, height, rgb);
        }
    }

    public void Dispose()
    {
        _decoder.Dispose();
        _file.Dispose();
        _openSlide.Dispose();
    }

    private bool TryRead(TiledTiffLevel level, LevelRegion region, Span<byte> rgb)
    {
        LevelRegion inside = region.Clip(level.Width, level.Height);
        if (inside != region)
        {
            rgb.Fill(255);
        }

        if (inside.Width <= 0 || inside.Height <= 0)
        {
            return true;
        }

        for (long row = inside.Y / level.TileHeight; row * level.TileHeight < inside.Y + inside.Height; row++)
        {
            for (long column = inside.X / level.TileWidth; column * level.TileWidth < inside.X + inside.Width; column++)
            {
                if (!TryReadTile(level, column, row, region, inside, rgb))
                {
                    return false;
                }
            }
        }

        return true;
    }

    private bool TryReadTile(TiledTiffLevel level, long column, long row, LevelRegion region, LevelRegion inside, Span<byte> rgb)
    {
        int tile = (int)((row * level.Columns) + column);
        long left = column * level.TileWidth;
        long top = row * level.TileHeight;
        bool isWhole = left >= inside.X && top >= inside.Y
            && left + level.TileWidth <= inside.X + inside.Width && top + level.TileHeight <= inside.Y + inside.Height;
        TileCache.Entry? entry = _cache.TryAcquire(level.Index, tile);
        if (entry is null && isWhole && !_isRevisited && MarkDecoded(level.Index, tile))
        {
            // A walk without overlap needs every whole tile once: straight to its place, nothing kept. The first tile that is
            // wanted a second time ends this way for the slide.
            int at = (int)((((top - region.Y) * region.Width) + left - region.X) * 3);
            return _decoder.TryDecode(level, tile, rgb[at..], region.Width * 3);
        }

        entry ??= _cache.Acquire(level.Index, tile);
        bool isGood = false;
        try
        {
            lock (entry.Decoding)
            {
                entry.IsDecoded = entry.IsDecoded || _decoder.TryDecode(level, tile, entry.Pixels, level.TileWidth * 3);
                isGood = entry.IsDecoded;
            }

            if (isGood)
            {
                Copy(entry.Pixels, left, top, level, region, inside, rgb);
            }

            return isGood;
        }
        finally
        {
            _cache.Release(level.Index, tile, entry, !isGood);
        }
    }

    /// <summary>False when the tile was decoded before.</summary>
    private bool MarkDecoded(int level, int tile)
    {
        int bit = 1 << (tile & 31);
        bool isFirst = (Interlocked.Or(ref _decodedOnce[level][tile >> 5], bit) & bit) == 0;
        if (!isFirst)
        {
            _isRevisited = true;
        }

        return isFirst;
    }

    private static void Copy(
        byte[] pixels, long left, long top, TiledTiffLevel level, LevelRegion region, LevelRegion inside, Span<byte> rgb)
    {
        long fromX = Math.Max(left, inside.X);
        long fromY = Math.Max(top, inside.Y);
        int bytes = (int)(Math.Min(left + level.TileWidth, inside.X + inside.Width) - fromX) * 3;
        int rows = (int)(Math.Min(top + level.TileHeight, inside.Y + inside.Height) - fromY);
        int source = (int)((((fromY - top) * level.TileWidth) + fromX - left) * 3);
        int target = (int)((((fromY - region.Y) * region.Width) + fromX - region.X) * 3);
        for (int i = 0; i < rows; i++, source += level.TileWidth * 3, target += region.Width * 3)
        {
            pixels.AsSpan(source, bytes).CopyTo(rgb[target..]);
        }
    }

    /// <summary>Guards against whatever differs between this reading of the file and the installed OpenSlide's, decoder builds included.</summary>
    private void CompareWithOpenSlide()
    {
        byte[] own = new byte[ComparedEdge * ComparedEdge * 3];
        byte[] theirs = new byte[own.Length];
        foreach (TiledTiffLevel level in _levels)
        {
            // The middle shows tissue more often than a corner; where it is no whole pixel of the level, the corner has to do.
            long x = level.Width / 2 / level.TileWidth * level.TileWidth;
            long y = level.Height / 2 / level.TileHeight * level.TileHeight;
            double downsample = Levels[level.Index].Downsample;
            var origin = new Level0Point((long)(x * downsample), (long)(y * downsample));
            int width = Math.Min(ComparedEdge, level.TileWidth);
            int height = Math.Min(ComparedEdge, level.TileHeight);
            if (!level.TryLocate(origin, width, height, out x, out y))
            {
                (origin, x, y) = (default, 0, 0);
            }

            int bytes = width * height * 3;
            if (!TryRead(level, new LevelRegion(x, y, width, height), own.AsSpan(0, bytes)))
            {
                throw new UnservedTiffException($"a tile of level {level.Index} is damaged or of an unusual kind of JPEG");
            }

            _openSlide.ReadRegion(origin, level.Index, width, height, theirs);
            if (!own.AsSpan(0, bytes).SequenceEqual(theirs.AsSpan(0, bytes)))
            {
                throw new UnservedTiffException($"pixels of level {level.Index} differ from OpenSlide's");
            }
        }

        foreach (int[] bits in _decodedOnce)
        {
            bits.AsSpan().Clear();
        }
    }

    /// <summary>Pixels of a level; may lie outside of it.</summary>
    private readonly record struct LevelRegion(long X, long Y, int Width, int Height)
    {
        public LevelRegion Clip(long width, long height)
        {
            long left = Math.Max(X, 0);
            long top = Math.Max(Y, 0);
            return new(left, top, (int)Math.Max(0, Math.Min(X + Width, width) - left), (int)Math.Max(0, Math.Min(Y + Height, height) - top));
        }
    }
}
