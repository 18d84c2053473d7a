using Microsoft.Win32.SafeHandles;
using SlideMesh.Slides.Native;
using SlideMesh.Slides.OpenJpeg;
using SlideMesh.Slides.OpenSlide;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.TurboJpeg;

namespace SlideMesh.Slides.TiledTiff;

/// <summary>
/// A slide in a tiled TIFF (Aperio SVS, Philips, generic pyramids, OME; classic and BigTIFF), decoded by libjpeg-turbo or OpenJPEG without
/// OpenSlide in between. Gives what <see cref="OpenSlideSource"/> gives, byte for byte: levels and properties are OpenSlide's own, and
/// a region goes to OpenSlide when its corner stands for no pixel of its level (OpenSlide blends there) or it touches a tile that does
/// not decode cleanly, so that OpenSlide also decides what is an error. One exception: on a level whose downsample is no whole
/// number, a corner that stands for a pixel gives the pixels as they are in the file, where OpenSlide blends in a little of their neighbours.
/// </summary>
/// <remarks>Thread-safe. Reads are positional and take no lock that all threads share.</remarks>
public sealed class TiledTiffSource : ISlideSource
{
    /// <summary>
    /// 682 tiles of 256 pixels. A planned walk row by row keeps one row of them at most, and only those with tissue, so that it decodes each
    /// tile once on tissue up to 170,000 pixels wide; with tiles of 512 pixels, 87,000. On wider tissue some are decoded twice.
    /// </summary>
    public const long DefaultCacheBytes = 128L << 20;

    /// <summary>Reads that nobody announced keep whatever was read last, needed or not, until <see cref="ForgetReads"/>.</summary>
    private const long UnplannedCacheBytes = 64L << 20;

    private const int ComparedEdge = 256;

    private readonly OpenSlideSource _openSlide;
    private readonly SafeFileHandle _file;
    private readonly TiledTiffLevel[] _levels;
    private readonly TileBytes _bytes;
    private readonly TileDecoder _decoder;
    private readonly TileCache _cache;
    private readonly TileCache _unplannedCache;
    private readonly TileAssembler _planned;
    private readonly TileAssembler _assembler;
    private readonly UnplannedUses[] _unplanned;
    private long _delegated;

    private TiledTiffSource(OpenSlideSource openSlide, SafeFileHandle file, TiledTiffLevel[] levels, OmePyramid? ome, long cacheBytes, ReadBytes read, TimeProvider time)
    {
        _openSlide = openSlide;
        _file = file;
        _levels = levels;
        Levels = ome?.Levels ?? openSlide.Levels;
        MicronsPerPixel = ome?.MicronsPerPixel ?? openSlide.MicronsPerPixel;
        _bytes = new TileBytes(read, time);
        _decoder = new TileDecoder(_bytes);
        _cache = new TileCache(cacheBytes);
        _planned = new TileAssembler(_decoder, _cache);
        _unplannedCache = new TileCache(Math.Min(cacheBytes, UnplannedCacheBytes));
        _assembler = new TileAssembler(_decoder, _unplannedCache);
        _unplanned = [.. levels.Select(l => new UnplannedUses(l.TileCount))];
    }

    public string Path => _openSlide.Path;

    public string Vendor => _openSlide.Vendor;

    public string Reader => $"tiled-tiff, {_openSlide.Reader}";

    /// <summary>OpenSlide's, and of an OME-TIFF also the ones below the first, which OpenSlide does not see.</summary>
    public IReadOnlyList<PyramidLevel> Levels { get; }

    public double? ObjectivePower => _openSlide.ObjectivePower;

    public MicronsPerPixel? MicronsPerPixel { get; }

    /// <summary>YCbCr tiles: 350 million measured on one core; RGB tiles 220 million.</summary>
    public long PixelsPerSecond => 200_000_000;

    /// <summary>Source tiles decoded so far, damaged ones included.</summary>
    internal long DecodedTiles => _decoder.Decoded;

    /// <summary>Compressed bytes fetched ahead of the decoder.</summary>
    internal FetchedRanges Fetched => _bytes.Fetched;

    /// <summary>Bytes of decoded tiles kept at the moment.</summary>
    internal long KeptBytes => _cache.KeptBytes;

    /// <summary>Bytes of decoded tiles kept for reads that nobody announced.</summary>
    internal long UnplannedBytes => _unplannedCache.KeptBytes;

    /// <summary>Regions that OpenSlide read.</summary>
    internal long DelegatedRegions => Interlocked.Read(ref _delegated);

    /// <summary>Takes over an open slide when it qualifies. One tile of every level is read both ways and compared first.</summary>
    /// <param name="openSlide">Belongs to the new source afterwards; on null it stays the caller's.</param>
    /// <param name="reason">Why OpenSlide has to serve the file; null when it has not.</param>
    /// <param name="read">How compressed tiles are read, in place of the file's own way: storage that is slow or fails.</param>
    internal static TiledTiffSource? TryCreate(
        OpenSlideSource openSlide, long cacheBytes, out string? reason, Func<SafeFileHandle, ReadBytes>? read = null, TimeProvider? time = null)
    {
        SafeFileHandle? file = null;
        TiledTiffSource? source = null;
        try
        {
            file = File.OpenHandle(openSlide.File, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.RandomAccess);
            SafeFileHandle opened = file;
            source = new TiledTiffSource(
                openSlide, file, TiledTiffLayout.Read(file, openSlide, out OmePyramid? ome), ome, cacheBytes,
                read?.Invoke(file) ?? ((bytes, offset) => RandomAccess.Read(opened, bytes, offset)), time ?? TimeProvider.System);
            source.LookIntoJpeg2000();
            source.CompareWithOpenSlide();
            reason = null;
            return source;
        }
        catch (Exception e) when (e is UnservedTiffException or SlideFormatException or IOException or UnauthorizedAccessException
            or JpegException or NativeLibraryUnavailableException or DllNotFoundException or EntryPointNotFoundException)
        {
            reason = e.Message;
            source?._decoder.Dispose();
            source?._bytes.Dispose();
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
        if (!_levels[level].TryLocate(origin, out long x, out long y)
            || !TryRead(_levels[level], new LevelRegion(x, y, width, height), rgb[..bytes]))
        {
            ThrowIfDangerous(_levels[level], new LevelRegion(x, y, width, height));
            if (level >= _openSlide.Levels.Count)
            {
                ReadUnseen(origin, _levels[level], width, height, rgb[..bytes]);
                return;
            }

            Interlocked.Increment(ref _delegated);
            _openSlide.ReadRegion(origin, level, width, height, rgb);
        }
    }

    public bool TryReadPixels(int level, LevelRegion region, Span<byte> rgb)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(region.Width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(region.Height);
        ArgumentOutOfRangeException.ThrowIfNegative(level);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(level, _levels.Length);
        int bytes = checked(region.Width * region.Height * 3);
        ArgumentOutOfRangeException.ThrowIfLessThan(rgb.Length, bytes);
        ObjectDisposedException.ThrowIf(_file.IsClosed, this);
        return TryRead(_levels[level], region, rgb[..bytes]);
    }

    public int MaxHalvings(int level)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(level);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(level, _levels.Length);
        return _levels[level].MaxHalvings;
    }

    public HalvedPixels HalvedPixels(int level)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(level);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(level, _levels.Length);
        return _levels[level].Codec == TileCodec.Jpeg ? Pyramid.HalvedPixels.Means : Pyramid.HalvedPixels.WaveletSamples;
    }

    public void ForgetReads() => _unplannedCache.Clear();

    public IRegionPass BeginPass(RegionWalk walk)
    {
        ArgumentNullException.ThrowIfNull(walk);
        ArgumentOutOfRangeException.ThrowIfNegative(walk.Halvings);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(walk.Halvings, MaxHalvings(walk.Level));
        ObjectDisposedException.ThrowIf(_file.IsClosed, this);
        return new TilePass(_levels[walk.Level], walk, _planned, _cache, new ReadAhead(_file, _bytes, _levels[walk.Level]));
    }

    public void Dispose()
    {
        _bytes.Dispose();
        _decoder.Dispose();
        _file.Dispose();
        _openSlide.Dispose();
    }

    /// <summary>A level that OpenSlide does not see: nobody else blends or judges. The nearest pixel is the answer.</summary>
    private void ReadUnseen(Level0Point origin, TiledTiffLevel level, int width, int height, Span<byte> rgb)
    {
        double downsample = Levels[level.Index].Downsample;
        var region = new LevelRegion((long)Math.Round(origin.X / downsample), (long)Math.Round(origin.Y / downsample), width, height);
        if (!TryRead(level, region, rgb))
        {
            throw new SlideFormatException(
                Path, SlideFailureReason.Unreadable,
                $"'{Path}': {width} × {height} pixels of level {level.Index} at ({origin.X}, {origin.Y}) cannot be read: damaged tile.");
        }
    }

    private bool TryRead(TiledTiffLevel level, LevelRegion region, Span<byte> rgb)
    {
        LevelRegion inside = region.Clip(level.Width, level.Height);
        if (inside != region)
        {
            rgb.Fill(255);
        }

        return inside.Width == 0 || inside.Height == 0 || _assembler.TryRead(level, 0, region, inside, _unplanned[level.Index], rgb);
    }

    /// <summary>OpenJPEG takes memory for what a codestream says that it is: one that says something else than the directory is not passed on.</summary>
    private void ThrowIfDangerous(TiledTiffLevel level, LevelRegion region)
    {
        // A region between pixels touches one more, on either side of the nearest.
        LevelRegion inside = new LevelRegion(region.X - 1, region.Y - 1, region.Width + 2, region.Height + 2).Clip(level.Width, level.Height);
        if (level.Codec != TileCodec.Jpeg && inside.Height > 0
            && level.TilesOf(inside, 0).Any(t => !level.IsSparse(t) && !level.Is(_decoder.ReadJpeg2000Header(level, t))))
        {
            throw new SlideFormatException(
                Path, SlideFailureReason.Unreadable,
                $"'{Path}': {region.Width} × {region.Height} pixels of level {level.Index} at pixel ({region.X}, {region.Y}) cannot be read: damaged JPEG 2000.");
        }
    }

    private void LookIntoJpeg2000()
    {
        foreach (TiledTiffLevel level in _levels.Where(l => l.Codec != TileCodec.Jpeg))
        {
            Jpeg2000Decoder.EnsureLoaded();
            // One encoder wrote all tiles; one that lacks the decompositions is decoded in full.
            if (Enumerable.Range(0, level.TileCount).Where(t => !level.IsSparse(t)).Select(t => (int?)t).FirstOrDefault() is int tile)
            {
                Jpeg2000Header header = _decoder.ReadJpeg2000Header(level, tile)
                    ?? throw new UnservedTiffException($"the JPEG 2000 tiles of level {level.Index} are damaged or of an unusual kind");
                // Halved twice, a tile would be too far from the mean of its pixels; the other wavelet is not for pictures of slides.
                level.LimitHalvings(header.IsReversible ? 0 : Math.Min(1, header.Decompositions));
            }
        }
    }

    /// <summary>Guards against whatever differs between this reading of the file and the installed OpenSlide's, decoder builds included.</summary>
    private void CompareWithOpenSlide()
    {
        byte[] own = new byte[ComparedEdge * ComparedEdge * 3];
        byte[] theirs = new byte[own.Length];
        foreach (TiledTiffLevel level in _levels)
        {
            // The middle shows tissue more often than a corner; where OpenSlide blends all pixels of it, the corner has to do.
            Level0Point origin = default;
            (long x, long y) = (0, 0);
            if (level.TryFindUnblended(level.Width / 2 / level.TileWidth * level.TileWidth, level.TileWidth, out long originX, out long middleX)
                && level.TryFindUnblended(level.Height / 2 / level.TileHeight * level.TileHeight, level.TileHeight, out long originY, out long middleY))
            {
                (origin, x, y) = (new Level0Point(originX, originY), middleX, middleY);
            }

            int width = Math.Min(ComparedEdge, level.TileWidth);
            int height = Math.Min(ComparedEdge, level.TileHeight);
            int bytes = width * height * 3;
            if (!TryRead(level, new LevelRegion(x, y, width, height), own.AsSpan(0, bytes)))
            {
                throw new UnservedTiffException($"a tile of level {level.Index} is damaged or of an unusual kind of JPEG");
            }

            if (level.Index >= _openSlide.Levels.Count)
            {
                continue;
            }

            _openSlide.ReadRegion(origin, level.Index, width, height, theirs);
            if (!IsSame(own.AsSpan(0, bytes), theirs.AsSpan(0, bytes), level.Codec == TileCodec.Jpeg ? 0 : 1))
            {
                throw new UnservedTiffException($"pixels of level {level.Index} differ from OpenSlide's");
            }
        }

        static bool IsSame(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, int tolerance)
        {
            for (int i = 0; i < a.Length; i++)
            {
                if (Math.Abs(a[i] - b[i]) > tolerance)
                {
                    return false;
                }
            }

            return true;
        }

        foreach (UnplannedUses uses in _unplanned)
        {
            uses.Clear();
        }
    }

    /// <summary>
    /// Reads that nobody announced: most walk a slide without overlap and need every whole tile once. The first tile that is wanted a
    /// second time ends this way for the level.
    /// </summary>
    private sealed class UnplannedUses(int tiles) : ITileUses
    {
        private readonly int[] _decodedOnce = new int[(tiles + 31) / 32];
        private volatile bool _isRevisited;

        public bool IsOnly(int tile)
        {
            if (_isRevisited)
            {
                return false;
            }

            int bit = 1 << (tile & 31);
            bool isFirst = (Interlocked.Or(ref _decodedOnce[tile >> 5], bit) & bit) == 0;
            _isRevisited |= !isFirst;
            return isFirst;
        }

        public bool End(int tile) => false;

        public void Clear() => _decodedOnce.AsSpan().Clear();
    }
}
