namespace SlideMesh.Inference.Batching;

/// <summary>A caller in line for a slot. Exactly one of slot, failure and cancellation reaches it, so that no slot is given to a caller who left.</summary>
internal sealed class SlotWaiter
{
    private readonly TaskCompletionSource<BatchSlot> _slot = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _claimed;

    public async Task<BatchSlot> WaitAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
            static (state, token) =>
            {
                SlotWaiter waiter = (SlotWaiter)state!;
                if (waiter.TryClaim())
                {
                    waiter._slot.SetCanceled(token);
                }
            },
            this);
        return await _slot.Task.ConfigureAwait(false);
    }

    /// <summary>True once: whoever gets it must call <see cref="Give"/>.</summary>
    public bool TryClaim() => Interlocked.Exchange(ref _claimed, 1) == 0;

    public void Give(BatchSlot slot) => _slot.SetResult(slot);

    public void TryFail(Exception failure)
    {
        if (TryClaim())
        {
            _slot.SetException(failure);
        }
    }
}
