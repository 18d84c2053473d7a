using System.Numerics.Tensors;
using SlideMesh.Inference.Engines;

namespace SlideMesh.Inference.Batching;

/// <summary>Runs the rows of a batch and hands each row to its tile. Thread-safe: several device loops share one.</summary>
/// <param name="closing">Ends a run under way; its tiles then fail as <see cref="Closed"/>.</param>
internal sealed class BatchRunner(TileGraph graph, IInferenceSession session, int minimumRows, CancellationToken closing)
{
    public int MinimumRows { get; } = minimumRows;

    /// <summary>What the tiles of a batcher that closed before they ran are told.</summary>
    public ObjectDisposedException Closed() => new(nameof(TileBatcher), $"The batcher of {graph.Model} closed before this tile ran.");

    /// <param name="outOfMemory">Told the size of a run that found no memory; the run is then repeated in halves.</param>
    /// <returns>Tiles that got a result, and tiles that failed.</returns>
    public (int Done, int Failed) Run(TileBatch batch, Action<int> outOfMemory) => Run(batch, 0, batch.Reserved, outOfMemory);

    private (int Done, int Failed) Run(TileBatch batch, int first, int count, Action<int> outOfMemory)
    {
        Exception? failure = null;
        if (batch.HasTiles(first, count))
        {
            try
            {
                RunRows(batch, first, count);
            }
            catch (Exception e) when (count > MinimumRows && (e is OutOfMemoryException or InferenceException { IsOutOfMemory: true }))
            {
                outOfMemory(count);
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

    private void RunRows(TileBatch batch, int first, int count)
    {
        // Padding rows hold an earlier tile or zeros; nobody reads their results.
        int rows = Math.Max(count, MinimumRows);
        int start = Math.Min(first, batch.Capacity - rows);
        Memory<float> output = batch.Output.Slice(start * graph.Dimension, rows * graph.Dimension);
        session.RunInto(
            [new TensorView(graph.Input, batch.Input.Slice(start * graph.InputLength, rows * graph.InputLength), [rows, 3, graph.SizePx, graph.SizePx])],
            [new TensorBuffer(graph.Output, output, [rows, graph.Dimension])],
            closing);
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
                Span<float> row = batch.Output.Span.Slice(i * graph.Dimension, graph.Dimension);
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
