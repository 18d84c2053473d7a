using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Messages;
using SlideMesh.Mesh.Runs;

namespace SlideMesh.Mesh.Stages;

/// <summary>What a decoding thread spends its time on.</summary>
public enum DecoderActivity
{
    /// <summary>Reading and resampling tiles.</summary>
    Read,

    /// <summary>Judging their quality.</summary>
    Quality,

    /// <summary>Waiting for a free place in a device batch: the device is the bottleneck.</summary>
    WaitForSlot,

    /// <summary>Turning bytes into model input.</summary>
    Normalise,
}

/// <summary>Laps of one shard on one thread; a time stamp a lap, reported once.</summary>
internal sealed class DecoderClock(TimeProvider time)
{
    private readonly long[] _ticks = new long[Enum.GetValues<DecoderActivity>().Length];
    private long _last = time.GetTimestamp();
    private int _tiles;

    /// <summary>Books the time since the last lap on <paramref name="activity"/>.</summary>
    public void Lap(DecoderActivity activity)
    {
        long now = time.GetTimestamp();
        _ticks[(int)activity] += now - _last;
        _last = now;
        _tiles += activity == DecoderActivity.Read ? 1 : 0;
    }

    public void Report(RunContext run, EmbedShard shard)
    {
        foreach (DecoderActivity activity in Enum.GetValues<DecoderActivity>())
        {
            TimeSpan spent = TimeSpan.FromSeconds(_ticks[(int)activity] / (double)time.TimestampFrequency);
            string name = KebabCase.Of(activity);
            run.Timings.Add(shard.Slide, name, shard.Stream, spent, _tiles);
            run.Telemetry.DecoderTime(name, spent);
        }
    }
}
