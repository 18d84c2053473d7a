using System.Globalization;
using System.Text.Json;
using SlideMesh.Mesh.Redis;
using SlideMesh.Mesh.Runs;
using SlideMesh.Slides;
using RedisResult = StackExchange.Redis.RedisResult;

namespace SlideMesh.Mesh.Cluster;

/// <summary>Runs and nodes as Redis knows them: what verbs ask and tell. Every change is one script.</summary>
public sealed class RunBoard(RedisLink link)
{
    /// <returns><c>ok</c>; <c>exists</c> when Redis knows the run; <c>busy:&lt;run&gt;</c> when another one writes to the same folder.</returns>
    public Task<string> SubmitAsync(RunSpecification run, CancellationToken cancellation) =>
        SubmitAsync(run, new Dictionary<string, string>(), cancellation);

    /// <param name="states">done, failed, quarantined or pending of slides that are not worked on; all others are.</param>
    public async Task<string> SubmitAsync(RunSpecification run, IReadOnlyDictionary<string, string> states, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(states);
        return (string)await link.CallAsync(
            LuaScript.Submit, cancellation,
            [
                run.Id, (int)run.Priority, run.Pool, run.Parameters.SlidesInFlight, run.Out, run.Trace,
                run.Created.ToUnixTimeMilliseconds() * 1000, .. run.Slides.SelectMany(s => new object[] { s.Id, states.GetValueOrDefault(s.Id, "todo") }),
            ]).ConfigureAwait(false);
    }

    /// <returns><c>ok</c>, <c>unknown</c>, or the state that forbids it.</returns>
    public Task<string> CancelAsync(string run, CancellationToken cancellation) => AskAsync(LuaScript.Cancel, run, cancellation);

    public Task<string> PauseAsync(string run, CancellationToken cancellation) => AskAsync(LuaScript.Pause, run, cancellation);

    public Task<string> ResumeAsync(string run, CancellationToken cancellation) => AskAsync(LuaScript.Go, run, cancellation);

    /// <returns>How many slides are tried again; −1 when there is no such run.</returns>
    public async Task<long> RetryAsync(string run, bool failedOnly, CancellationToken cancellation) =>
        RedisLink.Number(await link.CallAsync(LuaScript.Retry, cancellation, run, failedOnly ? "failed" : "all", "").ConfigureAwait(false));

    public async Task<long> RetrySlideAsync(string run, SlideId slide, CancellationToken cancellation) =>
        RedisLink.Number(await link.CallAsync(LuaScript.Retry, cancellation, run, "slide", slide.Value).ConfigureAwait(false));

    /// <summary>Ids of all runs, oldest first.</summary>
    public async Task<IReadOnlyList<string>> RunsAsync(CancellationToken cancellation) =>
        RedisLink.Strings(await link.CommandAsync("ZRANGE", cancellation, link.Key("runs"), 0, -1).ConfigureAwait(false));

    /// <summary>Ids of the runs that are at least that old, oldest first, whatever their states.</summary>
    public async Task<IReadOnlyList<string>> RunsCreatedBeforeAsync(DateTimeOffset time, CancellationToken cancellation) =>
        RedisLink.Strings(await link.CommandAsync(
            "ZRANGE", cancellation, link.Key("runs"), "-inf", time.ToUnixTimeMilliseconds() * 1000, "BYSCORE").ConfigureAwait(false));

    /// <summary>Removes everything of a run that ended at least <paramref name="age"/> ago, which the store has to remember from then on.</summary>
    /// <returns><c>ok</c>, <c>kept</c> when it has not ended or not that long ago, <c>unknown</c>.</returns>
    public async Task<string> EraseAsync(string run, TimeSpan age, CancellationToken cancellation) =>
        (string)await link.CallAsync(LuaScript.Erase, cancellation, run, (long)age.TotalMicroseconds).ConfigureAwait(false);

    /// <returns>Null when Redis knows no such run.</returns>
    public async Task<RunStatus?> StatusAsync(string run, CancellationToken cancellation)
    {
        Dictionary<string, string> fields = await HashAsync("run:" + run, cancellation).ConfigureAwait(false);
        return fields.ContainsKey("total") ? RunStatus.From(run, fields) : null;
    }

    /// <summary>State of each slide by id: todo, waiting, planning, embedding, aggregating, done, failed, quarantined, pending.</summary>
    public async Task<IReadOnlyDictionary<string, string>> SlidesAsync(string run, CancellationToken cancellation) =>
        await HashAsync("slides:" + run, cancellation).ConfigureAwait(false);

    /// <summary>What the stages of a run's slides took so far, on all nodes; gone once the run's tables are written.</summary>
    public async Task<StageTimings> TimesAsync(string run, CancellationToken cancellation)
    {
        StageTimings times = new();
        HashSet<string> seen = new(StringComparer.Ordinal);
        string cursor = "0";
        do
        {
            RedisResult[] page = (RedisResult[])await link.CommandAsync("HSCAN", cancellation, link.Key("times:" + run), cursor, "COUNT", 500).ConfigureAwait(false);
            cursor = (string)page[0];
            string[] pairs = RedisLink.Strings(page[1]);
            for (int i = 0; i + 1 < pairs.Length; i += 2)
            {
                // A scan may name a field twice.
                if (seen.Add(pairs[i]))
                {
                    AddTimes(times, new SlideId(pairs[i]), pairs[i + 1]);
                }
            }
        }
        while (cursor != "0");

        return times;
    }

    /// <summary>Messages that killed workers: <c>run slide</c> → what is known, as JSON.</summary>
    public async Task<IReadOnlyDictionary<string, string>> QuarantineAsync(CancellationToken cancellation) =>
        await HashAsync("quarantine", cancellation).ConfigureAwait(false);

    public Task PhaseAsync(string run, SlideId slide, string phase, CancellationToken cancellation) =>
        link.CallAsync(LuaScript.Phase, cancellation, run, slide.Value, phase);

    /// <summary>Tells what this node is; answers whether it was asked to end.</summary>
    public async Task<bool> AnnounceAsync(string node, IReadOnlyDictionary<string, string> facts, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(facts);
        RedisResult answer = await link.CallAsync(
            LuaScript.Announce, cancellation, [node, .. facts.SelectMany(f => new object[] { f.Key, f.Value })]).ConfigureAwait(false);
        return (string)answer == "drain";
    }

    /// <summary>A life of a node ended by a signal that nobody sends on purpose: what it held counts a death. Told by the process that watched over it.</summary>
    /// <param name="how">For operators, e.g. <c>signal 11</c>.</param>
    public Task CrashedAsync(string node, string life, string how, CancellationToken cancellation) =>
        link.CallAsync(LuaScript.Crash, cancellation, node, RedisEngineOptions.HolderOf(node, life), how);

    /// <summary>The node ends: it is not missed.</summary>
    public async Task LeaveAsync(string node, CancellationToken cancellation)
    {
        await link.CommandAsync("ZREM", cancellation, link.Key("nodes"), node).ConfigureAwait(false);
        await link.CommandAsync("DEL", cancellation, link.Key("node:" + node)).ConfigureAwait(false);
    }

    /// <returns>False when there is no such node.</returns>
    public async Task<bool> DrainAsync(string node, CancellationToken cancellation)
    {
        if (!(await NodesAsync(cancellation).ConfigureAwait(false)).Any(n => n.Name == node))
        {
            return false;
        }

        await link.CommandAsync("HSET", cancellation, link.Key("node:" + node), "drain", "1").ConfigureAwait(false);
        return true;
    }

    /// <summary>Nodes by name with what they announced; <c>silence</c> is how long ago they were last heard of.</summary>
    public async Task<IReadOnlyList<NodeStatus>> NodesAsync(CancellationToken cancellation)
    {
        double now = (await CensusAsync(TimeSpan.FromSeconds(1), [], cancellation).ConfigureAwait(false)).Now;
        string[] seen = RedisLink.Strings(await link.CommandAsync("ZRANGE", cancellation, link.Key("nodes"), 0, -1, "WITHSCORES").ConfigureAwait(false));
        List<NodeStatus> nodes = [];
        for (int i = 0; i + 1 < seen.Length; i += 2)
        {
            double at = double.Parse(seen[i + 1], CultureInfo.InvariantCulture);
            nodes.Add(new NodeStatus(seen[i], TimeSpan.FromMicroseconds(Math.Max(0, now - at)), await HashAsync("node:" + seen[i], cancellation).ConfigureAwait(false)));
        }

        return [.. nodes.OrderBy(n => n.Name, StringComparer.Ordinal)];
    }

    /// <summary>Nodes by state, and what waits in <paramref name="pools"/> and in every pool that runs were submitted to.</summary>
    public async Task<Census> CensusOfAllAsync(TimeSpan lease, IReadOnlyList<string> pools, CancellationToken cancellation) =>
        await CensusAsync(lease, [.. pools.Union(await link.PoolsAsync(cancellation).ConfigureAwait(false))], cancellation).ConfigureAwait(false);

    /// <summary>Nodes by state, and what waits in each of <paramref name="pools"/>.</summary>
    public async Task<Census> CensusAsync(TimeSpan lease, IReadOnlyList<string> pools, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(pools);
        string[] answer = RedisLink.Strings(
            await link.CallAsync(LuaScript.Census, cancellation, [(long)lease.TotalMilliseconds, .. pools]).ConfigureAwait(false));
        double[] numbers = [.. answer.Select(a => double.Parse(a, CultureInfo.InvariantCulture))];
        return new Census(
            numbers[0], (int)numbers[1], (int)numbers[2], (int)numbers[3],
            pools.Select((pool, i) => (pool, new PoolBacklog((long)numbers[4 + (2 * i)], TimeSpan.FromMicroseconds(numbers[5 + (2 * i)]))))
                .ToDictionary(p => p.pool, p => p.Item2, StringComparer.Ordinal));
    }

    /// <param name="sums"><c>{"stage stream": [µs, tiles], …}</c>; no second number where a stage does not work on tiles.</param>
    private static void AddTimes(StageTimings times, SlideId slide, string sums)
    {
        using JsonDocument document = JsonDocument.Parse(sums);
        foreach (JsonProperty row in document.RootElement.EnumerateObject())
        {
            string[] name = row.Name.Split(' ', 2);
            times.Add(
                slide, name[0], name[1].Length > 0 ? name[1] : null, TimeSpan.FromMicroseconds(row.Value[0].GetDouble()),
                row.Value.GetArrayLength() > 1 ? (long)row.Value[1].GetDouble() : null);
        }
    }

    private async Task<string> AskAsync(LuaScript script, string run, CancellationToken cancellation) =>
        (string)await link.CallAsync(script, cancellation, run).ConfigureAwait(false);

    private async Task<Dictionary<string, string>> HashAsync(string key, CancellationToken cancellation)
    {
        string[] pairs = RedisLink.Strings(await link.CommandAsync("HGETALL", cancellation, link.Key(key)).ConfigureAwait(false));
        Dictionary<string, string> hash = new(StringComparer.Ordinal);
        for (int i = 0; i + 1 < pairs.Length; i += 2)
        {
            hash[pairs[i]] = pairs[i + 1];
        }

        return hash;
    }
}

/// <summary>Where a run stands.</summary>
/// <param name="State">running, paused, cancelled or done.</param>
/// <param name="Shards">Shards completed so far; null when nobody remembers.</param>
/// <param name="IsClosed">The run's tables are written.</param>
/// <param name="Error">Why the tables could not be written.</param>
public sealed record RunStatus(
    string Run, string State, RunPriority Priority, string Pool, string Out, DateTimeOffset Created, int Slides, int Done, int Failed, int Quarantined, int InFlight,
    long? Shards, bool IsClosed, string? Error)
{
    /// <summary>Redis does not know the run any more: this is what the store says.</summary>
    public bool IsForgotten { get; init; }

    internal static RunStatus From(string run, IReadOnlyDictionary<string, string> fields)
    {
        long Number(string name) => fields.TryGetValue(name, out string? text) ? long.Parse(text, CultureInfo.InvariantCulture) : 0;
        return new RunStatus(
            run, fields["state"], (RunPriority)Number("class"), fields["pool"], fields["out"],
            DateTimeOffset.FromUnixTimeMilliseconds(Number("created") / 1000), (int)Number("total"), (int)Number("done"), (int)Number("failed"),
            (int)Number("quarantined"), (int)Number("inflight"), Number("shards"), fields.ContainsKey("closed"), fields.GetValueOrDefault("error"));
    }
}

/// <param name="Silence">Time since the node was last heard of.</param>
/// <param name="Facts">role, device, pool, models, held, state, host, version, started.</param>
public sealed record NodeStatus(string Name, TimeSpan Silence, IReadOnlyDictionary<string, string> Facts);

/// <param name="Now">Server time, µs since 1970.</param>
public sealed record Census(double Now, int Live, int Draining, int Lost, IReadOnlyDictionary<string, PoolBacklog> Pools);

/// <param name="Age">Longest that a run with waiting work has not been served.</param>
public readonly record struct PoolBacklog(long Waiting, TimeSpan Age);
