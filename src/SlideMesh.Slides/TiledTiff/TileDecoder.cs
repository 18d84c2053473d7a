using System.Collections.Concurrent;
using Microsoft.Win32.SafeHandles;
using SlideMesh.Slides.OpenJpeg;
using SlideMesh.Slides.TurboJpeg;

namespace SlideMesh.Slides.TiledTiff;

/// <summary>Reads compressed tiles and decodes them. Thread-safe: every call works with a decoder of its own, taken from a pool.</summary>
internal sealed class TileDecoder(SafeFileHandle file) : IDisposable
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
    public bool TryDecode(TiledTiffLevel level, int tile, int halvings, Span<byte> rgb, int strideBytes)
    {
        Interlocked.Increment(ref _decoded);
        Worker worker = Take();
        try
        {
            return worker.TryDecode(file, level, tile, halvings, rgb, strideBytes);
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

    /// <summary>Header of a JPEG 2000 tile; null when it is damaged or of an unusual kind.</summary>
    /// <exception cref="IOException">The tile cannot be read.</exception>
    public Jpeg2000Header? ReadJpeg2000Header(TiledTiffLevel level, int tile)
    {
        Worker worker = Take();
        try
        {
            return worker.ReadJpeg2000Header(file, level, tile);
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

        public bool TryDecode(SafeFileHandle file, TiledTiffLevel level, int tile, int halvings, Span<byte> rgb, int strideBytes)
        {
            // The tile lands so that its SOI is where the prefix ends; once checked, the prefix overwrites it. No byte moves twice.
            bool isJpeg = level.Codec == TileCodec.Jpeg;
            int start = isJpeg ? level.Prefix.Length - 2 : 0;
            if (!TryFetch(file, level, tile, start, out int size))
            {
                return false;
            }

            Span<byte> own = _compressed.AsSpan(start, size);
            int width = level.TileWidth >> halvings;
            int height = level.TileHeight >> halvings;
            if (!isJpeg)
            {
                return Jpeg2000Decoder.TryDecode(own, level.Codec == TileCodec.Jpeg2000YCbCr, halvings, rgb, width, height, strideBytes);
            }

            if (!JpegSegments.CheckAndHideColourMarkers(own, level.TileWidth, level.TileHeight, level.Tables))
            {
                return false;
            }

            level.Prefix.CopyTo(_compressed, 0);
            return _decoder.TryDecode(_compressed.AsSpan(0, start + size), rgb, width, height, strideBytes);
        }

        public Jpeg2000Header? ReadJpeg2000Header(SafeFileHandle file, TiledTiffLevel level, int tile) =>
            TryFetch(file, level, tile, 0, out int size) ? Jpeg2000Header.Read(_compressed.AsSpan(0, size)) : null;

        private bool TryFetch(SafeFileHandle file, TiledTiffLevel level, int tile, int start, out int size)
        {
            (long offset, size) = level.Tile(tile);
            if (_compressed.Length < start + size)
            {
                _compressed = new byte[start + size];
            }

            Span<byte> own = _compressed.AsSpan(start, size);
            for (int done = 0; done < size;)
            {
                int read = RandomAccess.Read(file, own[done..], offset + done);
                if (read <= 0)
                {
                    return false;
                }

                done += read;
            }

            return true;
        }

        public void Dispose() => _decoder.Dispose();
    }
}
