namespace SlideMesh.Inference.Batching;

/// <summary>How a batcher spends its memory: runs at a time, buffers, and tiles a buffer.</summary>
/// <param name="Loops">Runs at the same time.</param>
/// <param name="Buffers">More than loops where memory allows, so that some fill while others run.</param>
/// <param name="BatchSize">Tiles a buffer.</param>
internal readonly record struct BatchRing(int Loops, int Buffers, int BatchSize)
{
    public const int DefaultBatchSize = 8;

    /// <summary>Batches shrink first, then the number of runs at a time, last the buffer that fills meanwhile.</summary>
    /// <exception cref="ArgumentException">The limit does not even hold one run of the fewest rows.</exception>
    public static BatchRing Fit(TileGraph graph, TileBatcherOptions options)
    {
        int leastRows = options.OneTileRuns ? 1 : TileBatcher.MinimumRows;
        long tiles = options.MemoryLimitBytes / graph.BytesPerTile;
        if (tiles < leastRows)
        {
            throw new ArgumentException(
                $"{graph.Model}: the memory limit for batches, {options.MemoryLimitBytes} bytes, is too small for one run; {leastRows * graph.BytesPerTile} bytes are needed ({leastRows} x {graph.BytesPerTile}).",
                nameof(options));
        }

        int loops = (int)Math.Clamp((tiles / leastRows) - 1, 1, options.Parallelism);
        int least = (int)Math.Min(loops + 1, tiles / leastRows);
        int wanted = options.OneTileRuns ? 1 : Math.Max(options.BatchSize ?? DefaultBatchSize, leastRows);
        int batchSize = (int)Math.Min(wanted, tiles / least);
        return new BatchRing(loops, (int)Math.Min((2L * loops) + 1, tiles / batchSize), batchSize);
    }
}
