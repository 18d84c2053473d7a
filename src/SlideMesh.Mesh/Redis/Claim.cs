using SlideMesh.Mesh.Messages;
using SlideMesh.Mesh.Runs;

namespace SlideMesh.Mesh.Redis;

/// <summary>A message in this node's hands. Valid as long as Redis knows its epoch; the keeper cancels it once it does not.</summary>
internal sealed class Claim(string pool, string run, string slide, string id, string epoch, MeshMessage message, int deaths, string trace) : IDisposable
{
    private readonly CancellationTokenSource _lost = new();

    public string Pool => pool;

    public string Run => run;

    public string Slide => slide;

    public MeshMessage Message => message;

    /// <summary>Workers that died while they held the message.</summary>
    public int Deaths => deaths;

    /// <summary>Trace context of the sender (W3C traceparent), empty when it had none.</summary>
    public string Trace => trace;

    /// <summary>What the handling of the message took so far. It counts when the message is completed under this claim, and never otherwise.</summary>
    public StageTimings Timings { get; } = new();

    /// <summary>Arguments by which scripts check the claim.</summary>
    public object[] Arguments { get; } = [pool, run, slide, id, epoch];

    public static object[] NoArguments { get; } = ["", "", "", "", ""];

    public CancellationToken Lost => _lost.Token;

    /// <summary>Redis took the completion already, together with the shard's.</summary>
    public bool IsSettled { get; set; }

    public bool IsLost => _lost.IsCancellationRequested;

    public void Lose() => _lost.Cancel();

    public void Dispose() => _lost.Dispose();
}
