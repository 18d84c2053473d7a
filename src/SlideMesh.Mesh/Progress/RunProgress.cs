using System.Collections.Concurrent;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Progress;

public enum SlidePhase
{
    Pending,
    Planning,
    Embedding,
    Aggregating,
    Done,
    Failed,
}

/// <summary>Something that happened, for watchers. Events carry no pixels and no patient data.</summary>
public abstract record ProgressEvent(SlideId Slide);

public sealed record SlideStarted(SlideId Slide) : ProgressEvent(Slide);

/// <param name="Tiles">Tiles planned over all streams that still have to run.</param>
/// <param name="TissueMm2">Null when no tissue was looked for, because the features exist already.</param>
public sealed record SlidePlanned(SlideId Slide, int Tiles, double? TissueMm2) : ProgressEvent(Slide);

/// <param name="Resumed">Everything was in the store already; nothing was computed.</param>
public sealed record SlideDone(SlideId Slide, bool Resumed, TimeSpan Elapsed) : ProgressEvent(Slide);

public sealed record SlideFailed(SlideId Slide, string Reason, string Detail) : ProgressEvent(Slide);

/// <summary>Where a run stands. All counters are safe to bump and read from any thread; reading costs nothing on the hot path.</summary>
public sealed class RunProgress(int slides, TimeProvider time)
{
    private readonly ConcurrentDictionary<SlideId, SlidePhase> _states = new();
    private readonly long _started = time.GetTimestamp();
    private readonly TaskCompletionSource _allEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _tilesPlanned;
    private long _tilesDone;
    private long _tilesReused;
    private int _done;
    private int _failed;
    private int _resumed;

    /// <summary>Raised on the thread that caused it; handlers must be quick. What they throw is ignored: a full log disk must not stop a run.</summary>
    public event Action<ProgressEvent>? Happened;

    /// <summary>Ends when every slide has ended.</summary>
    public Task AllEnded => _allEnded.Task;

    public int Slides => slides;

    public TimeSpan Elapsed => time.GetElapsedTime(_started);

    public void Publish(ProgressEvent happened)
    {
        ArgumentNullException.ThrowIfNull(happened);
        switch (happened)
        {
            case SlideStarted:
                _states[happened.Slide] = SlidePhase.Planning;
                break;
            case SlidePlanned planned:
                _states[happened.Slide] = SlidePhase.Embedding;
                Interlocked.Add(ref _tilesPlanned, planned.Tiles);
                break;
            case SlideDone done:
                _states[happened.Slide] = SlidePhase.Done;
                Interlocked.Increment(ref _done);
                if (done.Resumed)
                {
                    Interlocked.Increment(ref _resumed);
                }

                break;
            case SlideFailed:
                _states[happened.Slide] = SlidePhase.Failed;
                Interlocked.Increment(ref _failed);
                break;
            default:
                break;
        }

        if (_done + _failed >= slides)
        {
            _allEnded.TrySetResult();
        }

        foreach (Action<ProgressEvent> handler in Happened?.GetInvocationList().Cast<Action<ProgressEvent>>() ?? [])
        {
            try
            {
                handler(happened);
            }
#pragma warning disable CA1031 // Watchers are guests here.
            catch (Exception)
#pragma warning restore CA1031
            {
                // See Happened.
            }
        }
    }

    public void Aggregating(SlideId slide) => _states[slide] = SlidePhase.Aggregating;

    /// <param name="reused">The tiles came from a shard that an earlier run had finished.</param>
    public void AddTiles(int count, bool reused)
    {
        Interlocked.Add(ref _tilesDone, count);
        if (reused)
        {
            Interlocked.Add(ref _tilesReused, count);
        }
    }

    /// <summary>Tiles whose features existed already, once a slide's heads have spoken on them.</summary>
    public void AddFeatures(int count)
    {
        Interlocked.Add(ref _tilesPlanned, count);
        AddTiles(count, reused: false);
    }

    public ProgressSnapshot Snapshot() => new(
        slides, _done, _failed, _resumed,
        Interlocked.Read(ref _tilesPlanned), Interlocked.Read(ref _tilesDone), Interlocked.Read(ref _tilesReused),
        _states.Values.Count(s => s is SlidePhase.Planning or SlidePhase.Embedding or SlidePhase.Aggregating), Elapsed);
}

/// <param name="Active">Slides being planned, embedded or aggregated now.</param>
public sealed record ProgressSnapshot(
    int Slides, int Done, int Failed, int Resumed, long TilesPlanned, long TilesDone, long TilesReused, int Active, TimeSpan Elapsed);
