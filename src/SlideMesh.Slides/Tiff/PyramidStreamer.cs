using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using SlideMesh.Slides.TurboJpeg;

namespace SlideMesh.Slides.Tiff;

/// <summary>
/// One writing of one pyramid. A row of tiles of level n is encoded in parallel and averaged straight into the row of level n + 1 that
/// is filling up; when that row is full (or the slide ends) it is encoded in turn.
/// </summary>
internal sealed class PyramidStreamer(BigTiffFile file, IReadOnlyList<LevelLayout> levels, RenderTile level0, PyramidalTiffOptions options)
{
    private readonly long[][] _offsets = [.. levels.Select(l => new long[checked(l.Columns * l.Rows)])];
    private readonly int[][] _sizes = [.. levels.Select(l => new int[checked(l.Columns * l.Rows)])];

    // The row of tiles that is filling up, RGB, level.Width × tile edge; level 0 is rendered tile by tile and needs none. Lent, because a
    // report writes one pyramid after another: a strip is filled as far as it is read.
    private readonly byte[][] _strips = [.. levels.Select(l => l.Index == 0 ? [] : ArrayPool<byte>.Shared.Rent(checked((int)(l.Width * l.TileSizePx * 3))))];
    private readonly ConcurrentBag<Worker> _workers = [];

    internal void Run()
    {
        try
        {
            for (long row = 0; row < levels[0].Rows; row++)
            {
                WriteRow(levels[0], row);
            }
        }
        catch (AggregateException several) when (several.InnerException is { } first)
        {
            // What the renderer or the encoder threw, not the loop's wrapping of it.
            ExceptionDispatchInfo.Throw(first);
        }
        finally
        {
            foreach (Worker worker in _workers)
            {
                worker.Dispose();
            }

            Array.ForEach(_strips, strip => ArrayPool<byte>.Shared.Return(strip));
        }

        file.WriteDirectories(levels, _offsets, _sizes, options);
    }

    private void WriteRow(LevelLayout level, long row)
    {
        byte[][] jpegs = new byte[level.Columns][];
        ParallelOptions parallel = new() { MaxDegreeOfParallelism = options.Threads == 0 ? Environment.ProcessorCount : options.Threads };
        Parallel.For(
            0,
            (int)level.Columns,
            parallel,
            () => _workers.TryTake(out Worker? idle) ? idle : new Worker(options),
            (column, _, worker) =>
            {
                FillTile(level, row, column, worker);
                jpegs[column] = worker.Encoder.Encode(worker.Tile, level.TileSizePx, level.TileSizePx);
                AverageIntoNext(level, row, column, worker.Tile);
                return worker;
            },
            _workers.Add);
        for (int column = 0; column < jpegs.Length; column++)
        {
            long index = (row * level.Columns) + column;
            _offsets[level.Index][index] = file.AppendTile(jpegs[column]);
            _sizes[level.Index][index] = jpegs[column].Length;
        }

        bool nextIsFull = (row + 1) % options.LevelFactor == 0 || row + 1 == level.Rows;
        if (level.Index + 1 < levels.Count && nextIsFull)
        {
            WriteRow(levels[level.Index + 1], row / options.LevelFactor);
        }
    }

    private void FillTile(LevelLayout level, long row, int column, Worker worker)
    {
        int edge = level.TileSizePx;
        long x = (long)column * edge;
        long y = row * edge;
        int width = (int)Math.Min(edge, level.Width - x);
        int height = (int)Math.Min(edge, level.Height - y);
        if (level.Index == 0)
        {
            level0(x, y, width, height, worker.Tile.AsSpan(0, width * height * 3));
            Widen(worker.Tile, width, height, edge);
        }
        else
        {
            for (int line = 0; line < height; line++)
            {
                _strips[level.Index].AsSpan(checked((int)(((line * level.Width) + x) * 3)), width * 3).CopyTo(worker.Tile.AsSpan(line * edge * 3));
            }
        }

        Replicate(worker.Tile, width, height, edge);
    }

    private void AverageIntoNext(LevelLayout level, long row, int column, byte[] tile)
    {
        if (level.Index + 1 >= levels.Count)
        {
            return;
        }

        LevelLayout next = levels[level.Index + 1];
        int part = level.TileSizePx / options.LevelFactor;
        int targetX = column * part;
        int targetY = (int)(row % options.LevelFactor) * part;
        int columns = (int)Math.Min(part, next.Width - targetX);
        long nextTop = row / options.LevelFactor * level.TileSizePx;
        int rows = (int)Math.Min(part, next.Height - nextTop - targetY);
        BoxAverage.Into(tile, level.TileSizePx, options.LevelFactor, _strips[next.Index], (int)next.Width, targetX, targetY, columns, rows);
    }

    /// <summary>Spreads rows of <paramref name="width"/> pixels to rows of <paramref name="edge"/> pixels in place, last row first.</summary>
    private static void Widen(byte[] tile, int width, int height, int edge)
    {
        for (int row = height - 1; row > 0 && width < edge; row--)
        {
            Buffer.BlockCopy(tile, row * width * 3, tile, row * edge * 3, width * 3);
        }
    }

    /// <summary>
    /// Repeats the last column and row outwards: no ringing at the slide's edge, and the average of an edge pixel is that of real pixels.
    /// </summary>
    private static void Replicate(byte[] tile, int width, int height, int edge)
    {
        for (int row = 0; row < height && width < edge; row++)
        {
            Span<byte> line = tile.AsSpan(row * edge * 3, edge * 3);
            for (int i = width * 3; i < line.Length; i++)
            {
                line[i] = line[i - 3];
            }
        }

        for (int row = height; row < edge; row++)
        {
            Buffer.BlockCopy(tile, (height - 1) * edge * 3, tile, row * edge * 3, edge * 3);
        }
    }

    private sealed class Worker(PyramidalTiffOptions options) : IDisposable
    {
        internal JpegEncoder Encoder { get; } = new(options.JpegQuality, options.Subsampling);

        // Lent: at least tile edge × tile edge × 3 bytes.
        internal byte[] Tile { get; } = ArrayPool<byte>.Shared.Rent(checked(options.TileSizePx * options.TileSizePx * 3));

        public void Dispose()
        {
            Encoder.Dispose();
            ArrayPool<byte>.Shared.Return(Tile);
        }
    }
}
