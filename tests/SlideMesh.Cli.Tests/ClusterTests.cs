using System.Diagnostics;
using System.Globalization;
using SlideMesh.Mesh.Tests.Redis;

namespace SlideMesh.Cli.Tests;

/// <summary>Nodes as an operator starts them, on a Redis and a store of the test's own.</summary>
[Collection(OneAfterAnother.Name)]
public sealed class ClusterTests(Workplace workplace) : IDisposable
{
    private readonly RedisServer _redis = new();
    private readonly List<SlideMeshProcess> _nodes = [];
    private readonly string _namespace = "cli" + Guid.NewGuid().ToString("N")[..8];

    public void Dispose()
    {
        _nodes.ForEach(node => node.Dispose());
        _redis.Dispose();
    }

    [Fact]
    public void Submitted_run_ends_with_the_bytes_of_one_machine_and_nodes_end_when_drained()
    {
        string store = NewStore();
        int health = RedisServer.FreePort();
        // A lease that no busy machine outlasts: what passes to another node takes its time along.
        StartNode(store, "desk", "--role", "coordinator,aggregator", "--lease", "60", "--health", $"127.0.0.1:{health}");
        StartNode(store, "one", "--role", "inference", "--lease", "60", "--cache", "node-copies", "--cache-size", "1GB");
        StartNode(store, "two", "--role", "inference", "--lease", "60", "--cache", "node-copies", "--cache-size", "1GB");
        string run = Verb("submit", store, "good", "--out", "r", "--shard-tiles", "3", "--priority", "urgent").Expect(0).Out.Trim();
        using HttpClient client = new();
        string Health(string path) => client.GetStringAsync(new Uri($"http://127.0.0.1:{health}{path}")).GetAwaiter().GetResult().Trim();
        WaitFor(() => Status(run).Contains("\"closed\":true", StringComparison.Ordinal));

        new OutputTree(Path.Combine(workplace[store], "r")).AssertSameAs(workplace.Undisturbed);
        AssertSameTimings(workplace.Undisturbed.At("timings.csv"), Path.Combine(workplace[store], "r", "timings.csv"));
        Assert.Equal(3, Directory.GetFiles(workplace["node-copies/copies"], "*.tiff", SearchOption.AllDirectories).Length);
        Assert.Equal(["started", "live", "ready"], new[] { "/started", "/live", "/ready" }.Select(Health));
        Assert.Contains("3 of 3 slides succeeded", Verb("results", store, run[..12]).Expect(0).Out, StringComparison.Ordinal);
        Assert.Contains("inference", Verb("nodes", null).Expect(0).Out, StringComparison.Ordinal);

        // Drained by the operator, by SIGTERM, and nobody else hears of it as a loss.
        Verb("drain", null, "one").Expect(0);
        _nodes[1].WaitForEnd().Expect(0);
        _nodes[2].Signal("TERM");
        _nodes[2].WaitForEnd().Expect(0);
        string left = Verb("nodes", null).Expect(0).Out;
        Assert.Contains("desk", left, StringComparison.Ordinal);
        Assert.DoesNotContain("one", left, StringComparison.Ordinal);
    }

    [Fact]
    public void Emptied_redis_is_rebuilt_from_the_store_and_no_finished_shard_is_computed_again()
    {
        string store = NewStore();
        // Without an aggregator, everything stops when the shards are there.
        StartNode(store, "first", "--role", "coordinator,inference");
        string run = Verb("submit", store, "good", "--out", "r", "--shard-tiles", "3").Expect(0).Out.Trim();
        WaitFor(() => Redis($"LLEN {_namespace}:backlog:aggregator") == "3");
        _nodes[0].Signal("KILL");
        _nodes[0].WaitForEnd();
        Dictionary<string, DateTime> shards = Shards(store);
        Assert.NotEmpty(shards);

        Redis("FLUSHALL");
        Verb("status", null, run).ExpectOneLine(2, "there is no run");
        Assert.Equal(run, Verb("recover", store).Expect(0).Out.Trim());
        StartNode(store, "second", "--role", "coordinator,inference");
        WaitFor(() => Redis($"LLEN {_namespace}:backlog:aggregator") == "3");
        Assert.Equal(shards, Shards(store));

        StartNode(store, "third", "--role", "aggregator");
        WaitFor(() => Status(run).Contains("\"closed\":true", StringComparison.Ordinal));
        new OutputTree(Path.Combine(workplace[store], "r")).AssertSameAs(workplace.Undisturbed);
        Assert.Equal("", Verb("recover", store).Expect(0).Out);
    }

    [Fact]
    public void Slide_that_fails_is_shown_with_its_reason_and_tried_again_on_request()
    {
        string store = NewStore();
        Directory.CreateDirectory(workplace["mixed"]);
        File.Copy(workplace["good/a.tiff"], workplace["mixed/a.tiff"], overwrite: true);
        File.WriteAllText(workplace["mixed/b.tiff"], "no slide");
        string alone = workplace.NewOutput();
        workplace.Run("run", "mixed", "--out", alone, "--quiet").Expect(3);
        StartNode(store, "node");
        CliResult submitted = Verb("submit", store, "mixed", "--out", "r", "--wait").Expect(3);
        Assert.Contains("b: not-a-slide", submitted.Out, StringComparison.Ordinal);
        new OutputTree(Path.Combine(workplace[store], "r")).AssertSameAs(workplace.Tree(alone));

        string run = submitted.Out.Split('\n')[0];
        File.Copy(workplace["good/b.tiff"], workplace["mixed/b.tiff"], overwrite: true);
        Verb("retry", store, run, "--failed").Expect(0);
        WaitFor(() => Status(run).Contains("\"closed\":true", StringComparison.Ordinal));
        Assert.Contains("\"done\":2,\"failed\":0", Status(run), StringComparison.Ordinal);

    }

    [Fact]
    public void Run_that_ended_long_ago_is_told_of_by_the_store_and_tried_again_from_it()
    {
        string store = NewStore();
        Directory.CreateDirectory(workplace["old"]);
        File.Copy(workplace["good/a.tiff"], workplace["old/a.tiff"], overwrite: true);
        File.WriteAllText(workplace["old/b.tiff"], "no slide");
        StartNode(store, "node", "--keep-runs", "2");
        string run = Verb("submit", store, "old", "--out", "r", "--wait").Expect(3).Out.Split('\n')[0];

        // Three days ago; a coordinator looks for such runs when it starts.
        long then = DateTimeOffset.UtcNow.AddDays(-3).ToUnixTimeMilliseconds() * 1000;
        Redis($"HSET {_namespace}:run:{run} closed {then}");
        Redis($"ZADD {_namespace}:runs {then} {run}");
        StartNode(store, "patient", "--role", "coordinator", "--keep-runs", "4");
        WaitFor(() => Verb("nodes", null).Expect(0).Out.Contains("patient", StringComparison.Ordinal));
        StartNode(store, "oblivious", "--role", "coordinator", "--keep-runs", "2");
        WaitFor(() => Redis($"KEYS {_namespace}:*{run}*").Length == 0);

        Verb("status", null, run).ExpectOneLine(2, "there is no run");
        Assert.DoesNotContain(run, Verb("status", store).Expect(0).Out, StringComparison.Ordinal);
        string status = Verb("status", store, run[..13]).Expect(0).Out;
        Assert.Contains("done, forgotten", status, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^b\s+failed\s*$", status);
        Assert.Contains("b: not-a-slide", Verb("results", store, run).Expect(3).Out, StringComparison.Ordinal);

        File.Copy(workplace["good/b.tiff"], workplace["old/b.tiff"], overwrite: true);
        Assert.StartsWith("1 slides of", Verb("retry", store, run, "--failed").Expect(0).Out, StringComparison.Ordinal);
        WaitFor(() => Status(run).Contains("\"closed\":true", StringComparison.Ordinal));
        Assert.Contains("2 of 2 slides succeeded", Verb("results", store, run).Expect(0).Out, StringComparison.Ordinal);
        string alone = workplace.NewOutput();
        workplace.Run("run", "old", "--out", alone, "--quiet").Expect(0);
        new OutputTree(Path.Combine(workplace[store], "r")).AssertSameAs(workplace.Tree(alone));
    }

    [Fact]
    public void Slide_that_crashes_nodes_is_quarantined_and_done_once_it_is_mended_and_released()
    {
        string store = NewStore();
        string slide = workplace["deadly/a.tiff"];
        Directory.CreateDirectory(Path.GetDirectoryName(slide)!);
        File.Copy(workplace["good/a.tiff"], slide, overwrite: true);
        string alone = workplace.NewOutput();
        workplace.Run("run", "deadly", "--out", alone, "--quiet").Expect(0);
        string run = Verb("submit", store, "deadly", "--out", "r").Expect(0).Out.Trim();
        // Whoever opens the slide holds its message for ever.
        File.Delete(slide);
        using (Process fifo = Process.Start("mkfifo", [slide]))
        {
            fifo.WaitForExit();
        }

        string[] bounds = ["--lease", "2", "--max-deaths", "2"];
        StartNode(store, "desk", ["--role", "aggregator", .. bounds]);
        SlideMeshProcess Victim(string name)
        {
            StartNode(store, name, ["--role", "coordinator", .. bounds]);
            WaitFor(() => Redis($"HVALS {_namespace}:mail:coordinator:{run}:a").Contains(name + "/", StringComparison.Ordinal));
            return _nodes[^1];
        }

        // Gone with its parent: a lost machine, which is nobody's fault.
        SlideMeshProcess lost = Victim("lost");
        lost.Signal("KILL");
        lost.WaitForEnd();
        for (int death = 0; death < 2; death++)
        {
            Assert.Equal("", Redis($"HKEYS {_namespace}:quarantine"));
            SlideMeshProcess crashed = Victim($"victim{death}");
            crashed.SignalChild("KILL");
            Assert.Contains("was ended by signal 9", crashed.WaitForEnd().Expect(137).Error, StringComparison.Ordinal);
        }

        WaitFor(() => Status(run).Contains("\"quarantined\":1", StringComparison.Ordinal) && Status(run).Contains("\"closed\":true", StringComparison.Ordinal));
        string listed = Verb("quarantine", null, "list").Expect(0).Out;
        Assert.Matches(@"(?m)^a\s+\S+\s+coordinator\s+2\s+1\s*$", listed);
        Assert.Contains("2 nodes crashed while they held this slide", Verb("results", store, run).Out, StringComparison.Ordinal);

        File.Delete(slide);
        File.Copy(workplace["good/a.tiff"], slide);
        Verb("quarantine", store, "release", "b").ExpectOneLine(2, "is not quarantined");
        Assert.Contains("is tried again", Verb("quarantine", store, "release", "a").Expect(0).Out, StringComparison.Ordinal);
        StartNode(store, "healthy", bounds);
        WaitFor(() => Status(run).Contains("\"done\":1", StringComparison.Ordinal) && Status(run).Contains("\"closed\":true", StringComparison.Ordinal));
        new OutputTree(Path.Combine(workplace[store], "r")).AssertSameAs(workplace.Tree(alone));
        Assert.DoesNotContain("coordinator", Verb("quarantine", null, "list").Expect(0).Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Mistakes_are_one_line()
    {
        string store = NewStore();
        Verb("submit", store, "good", "--out", "../elsewhere").ExpectOneLine(4, "does not lie below the store");
        Verb("submit", store, "good", "--out", "r", "--priority", "high").ExpectOneLine(2, "urgent, normal, research");
        Verb("status", null, "20990101").ExpectOneLine(2, "there is no run");
        CliResult waiting = Verb("submit", store, "good", "--out", "r").Expect(0);
        Assert.Contains("no inference node of pool 'default' is up", waiting.Error, StringComparison.Ordinal);
        string run = waiting.Out.Trim();
        Verb("resume", null, run).ExpectOneLine(2, "is running already");
        Verb("cancel", null, run).Expect(0);
        Verb("resume", null, run).ExpectOneLine(2, $"is cancelled: it cannot be resumed; 'slidemesh retry {run}'");
        Assert.Contains("(start with slides.csv)", Verb("results", store, run).Expect(0).Out, StringComparison.Ordinal);
        Verb("drain", null, "nobody").ExpectOneLine(2, "there is no node");
        Verb("node", store, "--role", "boss").ExpectOneLine(2, "coordinator, aggregator, inference");
        Verb("node", store + "-not-there").ExpectOneLine(4, "does not exist");
        SlideMeshProcess.Run(workplace.Root, "status", "--redis", $"127.0.0.1:{RedisServer.FreePort()}").ExpectOneLine(5, "redis does not answer");
    }

    [Fact]
    public void Run_that_is_waited_for_and_cancelled_by_somebody_else_counts_as_stopped()
    {
        string store = NewStore();
        using SlideMeshProcess waiting = workplace.Start(
            "submit", "good", "--out", "r", "--wait", "--redis", $"127.0.0.1:{_redis.Port}", "--namespace", _namespace, "--store", workplace[store]);
        WaitFor(() => Redis($"ZCARD {_namespace}:runs") == "1");
        Verb("cancel", null, Redis($"ZRANGE {_namespace}:runs 0 0")).Expect(0);
        StartNode(store, "desk", "--role", "aggregator");
        Assert.Contains("0 of 3 slides succeeded", waiting.WaitForEnd().Expect(130).Out, StringComparison.Ordinal);
    }

    /// <summary>
    /// The short form of tools/chaos: random kills, stops and cut connections over small runs.
    /// </summary>
    [Fact]
    public void Cluster_under_random_disturbances_leaves_the_bytes_of_one_machine()
    {
        using Process chaos = Process.Start(new ProcessStartInfo(
            "/usr/bin/python3",
            [Path.Combine(SlideMeshProcess.Repository, "tools/chaos/chaos.py"), "--seed", "5", "--moments", "5", "--slides", "4", "--lease", "2", "--pause", "1", "--limit", "150"])
        {
            RedirectStandardOutput = true,
        })!;
        string said = chaos.StandardOutput.ReadToEnd();
        chaos.WaitForExit();
        Assert.True(chaos.ExitCode == 0, said);
        Assert.Contains("5 moments in", said, StringComparison.Ordinal);
    }

    [Fact]
    public void Signal_that_comes_twice_to_both_processes_of_a_node_does_not_end_its_work()
    {
        string store = NewStore();
        string slide = workplace["slow/a.tiff"];
        Directory.CreateDirectory(Path.GetDirectoryName(slide)!);
        File.Copy(workplace["good/a.tiff"], slide, overwrite: true);
        string run = Verb("submit", store, "slow", "--out", "r").Expect(0).Out.Trim();
        // Whoever opens the slide holds its message until somebody opens it for writing; it is no slide then.
        File.Delete(slide);
        using (Process fifo = Process.Start("mkfifo", [slide]))
        {
            fifo.WaitForExit();
        }

        StartNode(store, "leaving", "--role", "coordinator", "--grace", "90");
        string holds = $"HVALS {_namespace}:mail:coordinator:{run}:a";
        WaitFor(() => Redis(holds).Contains("leaving/", StringComparison.Ordinal));
        SlideMeshProcess node = _nodes[^1];
        for (int i = 0; i < 2; i++)
        {
            // As a terminal or a supervisor does, to the whole group.
            node.SignalBoth("TERM");
            WaitFor(() => Redis($"HGET {_namespace}:node:leaving state") == "draining");
            Thread.Sleep(500);
        }

        Assert.False(node.HasExited, "the node ended with a message in hand");
        Assert.Contains("leaving/", Redis(holds), StringComparison.Ordinal);
        using (new FileStream(slide, FileMode.Open, FileAccess.Write))
        {
            // Nothing is written: the reader may be gone by now.
        }

        Assert.Contains("stopped", node.WaitForEnd().Expect(0).Error, StringComparison.Ordinal);

        // The message was brought to its end, not handed back or left to be taken over.
        Assert.Equal("", Redis(holds));
        Assert.Equal("1", Redis($"LLEN {_namespace}:backlog:aggregator"));
        Assert.Equal("0", Redis($"LLEN {_namespace}:backlog:coordinator"));
    }

    private string NewStore()
    {
        string store = workplace.NewOutput() + "-store";
        Directory.CreateDirectory(workplace[store]);
        return store;
    }

    private void StartNode(string store, string name, params string[] more) => _nodes.Add(workplace.Start(
        ["node", "--name", name, "--redis", $"127.0.0.1:{_redis.Port}", "--namespace", _namespace, "--store", workplace[store], "--threads", "1", "--decoders", "1",
            "--batch-size", "4", .. more]));

    private CliResult Verb(string verb, string? store, params string[] arguments) => workplace.Run(
        [verb, .. arguments, "--redis", $"127.0.0.1:{_redis.Port}", "--namespace", _namespace, .. store is null ? Array.Empty<string>() : ["--store", workplace[store]]]);

    private string Status(string run) => Verb("status", null, run, "--json").Expect(0).Out;

    private Dictionary<string, DateTime> Shards(string store) =>
        Directory.EnumerateFiles(Path.Combine(workplace[store], "r", ".work"), "*.shard", SearchOption.AllDirectories).ToDictionary(f => f, File.GetLastWriteTimeUtc);

    /// <summary>The same stages of the same slides with the same tiles; seconds differ, and none is missing.</summary>
    private static void AssertSameTimings(string expected, string found)
    {
        static string[][] Rows(string path) => [.. File.ReadLines(path).Select(line => line.Split(','))];
        static string[] Stages(string path) => [.. Rows(path).Select(row => string.Join(',', row[0], row[1], row[2], row[4]))];
        Assert.Equal(Stages(expected), Stages(found));
        Assert.Contains("a,merge,", File.ReadAllText(found), StringComparison.Ordinal);
        Assert.True(Rows(found).Where(row => row[1] == "report").All(row => double.Parse(row[3], CultureInfo.InvariantCulture) > 0));
    }

    private string Redis(string command)
    {
        using Process cli = Process.Start(new ProcessStartInfo(
            "redis-cli", ["-p", _redis.Port.ToString(CultureInfo.InvariantCulture), .. command.Split(' ')]) { RedirectStandardOutput = true })!;
        string answer = cli.StandardOutput.ReadToEnd();
        cli.WaitForExit();
        return answer.Trim();
    }

    private static void WaitFor(Func<bool> happened)
    {
        Stopwatch waited = Stopwatch.StartNew();
        while (!happened())
        {
            Assert.True(waited.Elapsed < TimeSpan.FromSeconds(100), "it never came to that");
            Thread.Sleep(100);
        }
    }
}
