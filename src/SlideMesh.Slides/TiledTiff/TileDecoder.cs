using System.Collections.Concurrent;
using Microsoft.Win32.SafeHandles;
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
        Worker worker = _idle.TryTake(out Worker? idle) ? idle : new Worker();
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
            _idle.Add(worker);
            if (_disposed)
            {
                DisposeIdle();
            }
        }
    }

    /// <summary>Calls under way finish.</summary>
    public void Dispose()
    {
        _disposed = true;
        DisposeIdle();
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
        private byte[] _jpeg = new byte[1 << 16];

        public bool TryDecode(SafeFileHandle file, TiledTiffLevel level, int tile, int halvings, Span<byte> rgb, int strideBytes)
        {
            // The tile lands so that its SOI is where the prefix ends; once checked, the prefix overwrites it. No byte moves twice.
            (long offset, int size) = level.Tile(tile);
            int start = level.Prefix.Length - 2;
            if (_jpeg.Length < start + size)
            {
                _jpeg = new byte[start + size];
            }

            Span<byte> own = _jpeg.AsSpan(start, size);
            for (int done = 0; done < size;)
            {
                int read = RandomAccess.Read(file, own[done..], offset + done);
                if (read <= 0)
                {
                    return false;
                }

                done += read;
            }

            if (!JpegSegments.CheckAndHideColourMarkers(own, level.TileWidth, level.TileHeight, level.Tables))
            {
                return false;
            }

            level.Prefix.CopyTo(_jpeg, 0);
            return _decoder.TryDecode(_jpeg.AsSpan(0, start + size), rgb, level.TileWidth >> halvings, level.TileHeight >> halvings, strideBytes);
        }

        public void Dispose() => _decoder.Dispose();
    }
}
