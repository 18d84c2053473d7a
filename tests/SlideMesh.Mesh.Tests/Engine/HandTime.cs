using System.Threading.Channels;

namespace SlideMesh.Mesh.Tests.Engine;

/// <summary>Time moved by hand: a timer fires when the test says so, and the test learns how long it was set for.</summary>
internal sealed class HandTime : TimeProvider
{
    private readonly Channel<HandTimer> _set = Channel.CreateUnbounded<HandTimer>();

    /// <summary>Waits until the next timer is set, lets it fire, and tells what it was set for.</summary>
    public async Task<TimeSpan> FireNextAsync()
    {
        HandTimer timer = await NextAsync().ConfigureAwait(false);
        timer.Fire();
        return timer.Due;
    }

    /// <summary>Waits until the next timer is set and leaves it.</summary>
    public async Task<HandTimer> NextAsync() => await _set.Reader.ReadAsync().AsTask().WaitAsync(EngineContract.Patience).ConfigureAwait(false);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        HandTimer timer = new(callback, state, dueTime);
        _set.Writer.TryWrite(timer);
        return timer;
    }

    internal sealed class HandTimer(TimerCallback callback, object? state, TimeSpan due) : ITimer
    {
        public TimeSpan Due => due;

        public void Fire() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
