using System.Numerics.Tensors;
using SlideMesh.Inference.Engines;

namespace SlideMesh.Inference.Batching;

/// <summary>Runs the rows of a batch and hands each row to its tile. Thread-safe: several device loops share one.</summary>
/// <param name="minimumRows">Rows of the smallest run.</param>
/// <param name="paddedRows">Rows that a run has when its tiles are fewer; it may sink from run to run.</param>
/// <param name="closing">Ends a run under way; its tiles then fail as <see cref="Closed"/>.</param>
internal sealed class BatchRunner(TileGraph graph, IInferenceSession session, int minimumRows, Func<int> paddedRows, CancellationToken closing)
{
    public int MinimumRows { get; } = minimumRows;

    /// <summary>What the tiles of a batcher that closed before they ran are told.</summary>
    public ObjectDisposedException Closed() => new(nameof(TileBatcher), $"The batcher of {graph.Model} closed before this tile ran.");

    /// <param name="outOfMemory">Told the size of a run that found no memory; the run is then repeated in smaller ones.</param>
    /// <returns>Tiles that got a result, and tiles that failed.</returns>
    public (int Done, int Failed) Run(TileBatch batch, Action<int> outOfMemory) => Run(batch, 0, batch.Reserved, outOfMemory);

    private (int Done, int Failed) Run(TileBatch batch, int first, int count, Action<int> outOfMemory)
    {
        Exception? failure = null;
        if (batch.HasTiles(first, count))
        {
            // Padding rows hold an earlier tile or zeros; nobody reads their results.
            int rows = Math.Max(count, Math.Min(paddedRows(), batch.Capacity));
            try
            {
                RunRows(batch, first, rows);
            }
            catch (Exception e) when (rows > MinimumRows && (e is OutOfMemoryException or InferenceException { IsOutOfMemory: true }))
            {
                outOfMemory(rows);
                (session as ITileSession)?.Trim();
                if (count <= MinimumRows || count <= rows / 2)
                {
                    // Only the padding was too much.
                    return Run(batch, first, count, outOfMemory);
                }

                int half = count / 2;
                (int done1, int failed1) = Run(batch, first, half, outOfMemory);
                (int done2, int failed2) = Run(batch, first + half, count - half, outOfMemory);
                return (done1 + done2, failed1 + failed2);
            }
            catch (InferenceException e)
            {
                failure = e;
            }
            catch (OperationCanceledException) when (closing.IsCancellationRequested)
            {
                failure = Closed();
            }
            catch (Exception e)
            {
                // A device loop must outlive whatever an engine throws: its batch fails, the next one runs.
                failure = new InferenceException($"{graph.Model}: {e.Message}", e);
            }
        }

        return Deliver(batch, first, count, failure);
    }

    private void RunRows(TileBatch batch, int first, int rows)
    {
        if (batch.Tiles.Run(Math.Min(first, batch.Capacity - rows), rows, closing) is { } timings)
        {
            TileRunTimings before = batch.Timings ?? default;
            batch.Timings = new TileRunTimings(before.CopyIn + timings.CopyIn, before.Compute + timings.Compute, before.CopyOut + timings.CopyOut);
        }
    }

    private (int Done, int Failed) Deliver(TileBatch batch, int first, int count, Exception? failure)
    {
        int tiles = 0;
        for (int i = first; i < first + count; i++)
        {
            if (batch.Groups[i] is not { } group)
            {
                continue;
            }

            tiles++;
            if (failure is null)
            {
                Span<float> row = batch.Tiles.Rows.Span.Slice(i * graph.Dimension, graph.Dimension);
                row.CopyTo(batch.Destinations[i].Span);
                if (!TensorPrimitives.IsFiniteAll<float>(row))
                {
                    group.CountNonFinite();
                    InferenceMetrics.NonFiniteTiles.Add(1, InferenceMetrics.Tag(graph.Model));
                }
            }

            group.Finish(failure);
        }

        return failure is null ? (tiles, 0) : (0, tiles);
    }
}
