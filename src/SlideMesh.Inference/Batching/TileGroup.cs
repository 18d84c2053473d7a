using SlideMesh.Inference.Engines;

namespace SlideMesh.Inference.Batching;

/// <summary>
/// Tiles that are waited for together, such as a shard's. Counts down as they finish: O(1) and without a lock per tile.
/// </summary>
public sealed class TileGroup
{
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Exception? _failure;
    private int _failed;
    private int _nonFinite;

    // One for the group itself until it is sealed.
    private int _open = 1;

    /// <summary>
    /// Ends when the group is sealed and all its tiles are done: well, or with the first failure (an <see cref="InferenceException"/>, or
    /// <see cref="ObjectDisposedException"/> when the batcher closed before they ran).
    /// </summary>
    public Task Completion => _completion.Task;

    /// <summary>Tiles without a result.</summary>
    public int FailedTiles => Volatile.Read(ref _failed);

    /// <summary>Tiles whose row holds NaN or infinity; they count as done, and what becomes of them is the caller's choice.</summary>
    public int NonFiniteTiles => Volatile.Read(ref _nonFinite);

    /// <summary>Says that no further tile will be committed to this group. Call once.</summary>
    public void Seal() => CountDown();

    internal void Add() => Interlocked.Increment(ref _open);

    internal void CountNonFinite() => Interlocked.Increment(ref _nonFinite);

    internal void Finish(Exception? failure)
    {
        if (failure is not null)
        {
            Interlocked.Increment(ref _failed);
            Interlocked.CompareExchange(ref _failure, failure, null);
        }

        CountDown();
    }

    private void CountDown()
    {
        if (Interlocked.Decrement(ref _open) != 0)
        {
            return;
        }

        if (_failure is null)
        {
            _completion.TrySetResult();
        }
        else
        {
            _completion.TrySetException(_failure);
        }
    }
}
