using System.Diagnostics.Metrics;
using SlideMesh.Mesh.Redis;
using SlideMesh.Mesh.Stages;
using SlideMesh.Mesh.Telemetry;

namespace SlideMesh.Mesh.Cluster;

/// <summary>Metrics of a node's part in the cluster; names and units as in docs/cluster.md.</summary>
internal sealed class NodeTelemetry : IDisposable
{
    private readonly Meter _meter = new("SlideMesh.Mesh.Cluster");
    private readonly Counter<long> _claims;
    private readonly Counter<long> _takeovers;
    private readonly Counter<long> _quarantined;
    private Census? _census;

    public NodeTelemetry(RedisEngine engine, RedisLink link, Func<IReadOnlyList<DeviceBatchers>> devices)
    {
        _claims = _meter.CreateCounter<long>("slidemesh.claims", "{message}", "Messages that this node was done with, by outcome");
        _takeovers = _meter.CreateCounter<long>("slidemesh.takeovers", "{message}", "Messages taken from silent nodes, by the node that noticed");
        _quarantined = _meter.CreateCounter<long>("slidemesh.quarantined", "{message}", "Messages set aside because workers died while they held them");
        _meter.CreateObservableGauge(
            "slidemesh.claims.held", () => engine.Held.Select(h => new Measurement<int>(h.Value, Pool(h.Key))), "{message}", "Messages in this node's hands");
        _meter.CreateObservableGauge("slidemesh.redis.connected", () => link.IsConnected ? 1 : 0, "1", "Whether Redis is connected");
        DeviceInstruments.Add(_meter, devices);
        _meter.CreateObservableGauge(
            "slidemesh.backlog.messages", () => Pools().Select(p => new Measurement<long>(p.Value.Waiting, Pool(p.Key))), "{message}", "Messages that wait");
        _meter.CreateObservableGauge(
            "slidemesh.backlog.age", () => Pools().Select(p => new Measurement<double>(p.Value.Age.TotalSeconds, Pool(p.Key))), "s",
            "Longest that a run with waiting work was not served");
        _meter.CreateObservableGauge("slidemesh.nodes", Nodes, "{node}", "Nodes by state");
    }

    public void Settled(string pool, string outcome) => _claims.Add(1, Pool(pool), new KeyValuePair<string, object?>("slidemesh.claim.outcome", outcome));

    public void Swept(string pool, int taken, int quarantined)
    {
        _takeovers.Add(taken, Pool(pool));
        _quarantined.Add(quarantined, Pool(pool));
    }

    public void Observe(Census census) => Volatile.Write(ref _census, census);

    public void Dispose() => _meter.Dispose();

    private IEnumerable<KeyValuePair<string, PoolBacklog>> Pools() => Volatile.Read(ref _census)?.Pools ?? new Dictionary<string, PoolBacklog>();

    private IEnumerable<Measurement<int>> Nodes() => Volatile.Read(ref _census) is { } census
        ? [State(census.Live, "live"), State(census.Draining, "draining"), State(census.Lost, "lost")]
        : [];

    private static Measurement<int> State(int nodes, string state) => new(nodes, new KeyValuePair<string, object?>("slidemesh.node.state", state));

    private static KeyValuePair<string, object?> Pool(string pool) => new("slidemesh.pool", pool);
}
