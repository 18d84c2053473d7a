namespace SlideMesh.Mesh.Redis;

/// <summary>How a node takes part in the cluster's work.</summary>
public sealed record RedisEngineOptions
{
    /// <summary>Unique name of the node.</summary>
    public required string Node { get; init; }

    /// <summary>Tells this life of the node from those before it, which may have had the same name: the process that watches over a node chooses it.</summary>
    public string Life { get; init; } = NewLife();

    /// <summary>Who holds the claims of this life.</summary>
    internal string Holder => HolderOf(Node, Life);

    /// <summary>The inference pool that <see cref="Engine.IMeshEngine.OnWork"/> serves.</summary>
    public string Pool { get; init; } = "default";

    /// <summary>Shards that may wait in a pool; a submitter waits when there are more. 0: no bound, since they lie in Redis and not in a node.</summary>
    public int QueuedShards { get; init; }

    /// <summary>Deliveries of one message before a transient failure counts as permanent.</summary>
    public int MaximumAttempts { get; init; } = 4;

    /// <summary>Wait before the second delivery; doubles with each further one.</summary>
    public TimeSpan FirstBackOff { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// Silence after which what a node holds is taken over. A third of it is the pace of heartbeats, a quarter that of looking for the
    /// silent: with 6 s a killed node's shard is elsewhere after 6 to 8 s, and a node that the system holds up for 4 s keeps its work.
    /// </summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(6);

    /// <summary>Nodes that may crash with a message in hand before it is quarantined (<see cref="Cluster.RunBoard.CrashedAsync"/>).</summary>
    public int MaximumDeaths { get; init; } = 3;

    /// <summary>
    /// Nodes that may vanish with a message in hand, machine and all, before it is quarantined. That says little against the message, but one that
    /// takes whole machines down must not go round for ever.
    /// </summary>
    public int MaximumLosses { get; init; } = 20;

    /// <summary>Least time that a shard must have run, with nothing else to do, before a second node runs it too; and at least four mean times.</summary>
    public TimeSpan Straggler { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Waiting this long without being served lifts a run by one class (research → normal → urgent → above), so that none starves.</summary>
    public TimeSpan Aging { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Longest pause of an idle worker that nobody wakes.</summary>
    public TimeSpan IdlePoll { get; init; } = TimeSpan.FromSeconds(1);

    public static string NewLife() => Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(6));

    internal static string HolderOf(string node, string life) => $"{node}/{life}";
}
