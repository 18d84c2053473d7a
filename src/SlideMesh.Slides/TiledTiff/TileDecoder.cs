using System.Collections.Concurrent;
using SlideMesh.Slides.OpenJpeg;
using SlideMesh.Slides.Raster;
using SlideMesh.Slides.TurboJpeg;

namespace SlideMesh.Slides.TiledTiff;

/// <summary>Reads compressed tiles and decodes them. Thread-safe: every call works with a decoder of its own, taken from a pool.</summary>
internal sealed class TileDecoder(TileBytes bytes) : IDisposable
{
    private readonly ConcurrentBag<Worker> _idle = [];
    private long _decoded;
    private volatile bool _disposed;

    /// <summary>Tiles decoded so far.</summary>
    public long Decoded => Interlocked.Read(ref _decoded);

    /// <param name="halvings">Decodes at 1/2, 1/4 or 1/8 of the size for 1, 2 or 3.</param>
    /// <param name="rgb">Destination of the tile's first pixel; rows lie <paramref name="strideBytes"/> apart.</param>
    /// <returns>False when the tile is damaged, unusual or cannot be read; <paramref name="rgb"/> then holds anything.</returns>
    /// <exception cref="ObjectDisposedException">The slide was closed.</exception>
    public bool TryDecode(TiledTiffLevel level, int tile, int halvings, Span<byte> rgb, int strideBytes) =>
        TryDecode(level, tile, halvings, rgb, strideBytes, mayBePlanar: false, out _);

    /// <summary>As <see cref="TryDecode(TiledTiffLevel, int, int, Span{byte}, int)"/>, in the form that costs least.</summary>
    /// <param name="pixels">The whole tile: row-major RGB, or a plane of red, one of green and one of blue.</param>
    /// <param name="isPlanar">Which of both.</param>
    public bool TryDecode(TiledTiffLevel level, int tile, int halvings, Span<byte> pixels, out bool isPlanar) =>
        TryDecode(level, tile, halvings, pixels, (level.TileWidth >> halvings) * 3, mayBePlanar: true, out isPlanar);

    /// <summary>Header of a JPEG 2000 tile; null when it is damaged or of an unusual kind.</summary>
    /// <exception cref="IOException">The tile cannot be read.</exception>
    public Jpeg2000Header? ReadJpeg2000Header(TiledTiffLevel level, int tile)
    {
        Worker worker = Take();
        try
        {
            return worker.ReadJpeg2000Header(bytes, level, tile);
        }
        finally
        {
            Give(worker);
        }
    }

    /// <summary>Calls under way finish.</summary>
    public void Dispose()
    {
        _disposed = true;
        DisposeIdle();
    }

    private bool TryDecode(TiledTiffLevel level, int tile, int halvings, Span<byte> pixels, int strideBytes, bool mayBePlanar, out bool isPlanar)
    {
        Interlocked.Increment(ref _decoded);
        isPlanar = false;
        Worker worker = Take();
        try
        {
            return worker.TryDecode(bytes, level, tile, halvings, pixels, strideBytes, mayBePlanar, out isPlanar);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
        finally
        {
            Give(worker);
        }
    }

    private Worker Take() => _idle.TryTake(out Worker? idle) ? idle : new Worker();

    private void Give(Worker worker)
    {
        _idle.Add(worker);
        if (_disposed)
        {
            DisposeIdle();
        }
    }

    private void DisposeIdle()
    {
        while (_idle.TryTake(out Worker? worker))
        {
            worker.Dispose();
        }
    }

    private sealed class Worker : IDisposable
    {
        private readonly JpegDecoder _decoder = new();
        private byte[] _compressed = new byte[1 << 16];
        private byte[] _planes = [];

        public bool TryDecode(
            TileBytes bytes, TiledTiffLevel level, int tile, int halvings, Span<byte> pixels, int strideBytes, bool mayBePlanar, out bool isPlanar)
        {
            isPlanar = false;
            // The tile lands so that its SOI is where the prefix ends; once checked, the prefix overwrites it. No byte moves twice.
            bool isJpeg = level.Codec == TileCodec.Jpeg;
            int start = isJpeg ? level.Prefix.Length - 2 : 0;
            if (!TryFetch(bytes, level, tile, start, out int size))
            {
                return false;
            }

            Span<byte> own = _compressed.AsSpan(start, size);
            int width = level.TileWidth >> halvings;
            int height = level.TileHeight >> halvings;
            if (!isJpeg)
            {
                return Jpeg2000Decoder.TryDecode(own, level.Codec == TileCodec.Jpeg2000YCbCr, halvings, pixels, width, height, strideBytes);
            }

            if (!JpegSegments.CheckAndHideColourMarkers(own, level.TileWidth, level.TileHeight, level.Tables, out bool isSubsampled))
            {
                return false;
            }

            level.Prefix.CopyTo(_compressed, 0);
            ReadOnlySpan<byte> jpeg = _compressed.AsSpan(0, start + size);
            isPlanar = mayBePlanar && !level.IsYCbCr && !isSubsampled;
            return isPlanar ? _decoder.TryDecodePlanes(jpeg, pixels, width, height)
                : level.IsYCbCr || isSubsampled ? _decoder.TryDecode(jpeg, pixels, width, height, strideBytes)
                : TryDecodeThroughPlanes(jpeg, pixels, width, height, strideBytes);
        }

        private bool TryDecodeThroughPlanes(ReadOnlySpan<byte> jpeg, Span<byte> rgb, int width, int height, int strideBytes)
        {
            int plane = width * height;
            if (_planes.Length < plane * 3)
            {
                _planes = new byte[plane * 3];
            }

            if (!_decoder.TryDecodePlanes(jpeg, _planes, width, height))
            {
                return false;
            }

            for (int y = 0; y < height; y++)
            {
                int at = y * width;
                PlaneInterleaver.Interleave(
                    _planes.AsSpan(at, width), _planes.AsSpan(plane + at, width), _planes.AsSpan((2 * plane) + at, width), rgb.Slice(y * strideBytes, width * 3));
            }

            return true;
        }

        public Jpeg2000Header? ReadJpeg2000Header(TileBytes bytes, TiledTiffLevel level, int tile) =>
            TryFetch(bytes, level, tile, 0, out int size) ? Jpeg2000Header.Read(_compressed.AsSpan(0, size)) : null;

        private bool TryFetch(TileBytes bytes, TiledTiffLevel level, int tile, int start, out int size)
        {
            size = level.Tile(tile).Size;
            if (_compressed.Length < start + size)
            {
                _compressed = new byte[start + size];
            }

            return bytes.TryRead(level, tile, _compressed.AsSpan(start, size));
        }

        public void Dispose() => _decoder.Dispose();
    }
}
