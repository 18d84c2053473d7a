using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using SlideMesh.Mesh.Cluster;
using SlideMesh.Mesh.Redis;
using SlideMesh.Mesh.Runs;
using SlideMesh.Mesh.Telemetry;
using SlideMesh.Slides.OpenSlide;

namespace SlideMesh.Cli.Commands;

/// <summary><c>slidemesh node</c>: one process of a cluster. Settings and their variables: docs/cluster.md.</summary>
internal sealed class NodeCommand
{
    /// <summary>A century stands for ever, and can still be taken from a date.</summary>
    private const int LongestMemoryDays = 36_500;

    private readonly ClusterOptions _cluster = new();

    private readonly Option<string> _role = Text("--role", "SLIDEMESH_ROLE", "coordinator,aggregator,inference", "roles", "What the node does: coordinator, aggregator, inference, by commas.");

    private readonly Option<string> _pool = Text("--pool", "SLIDEMESH_POOL", "default", "name", "The inference pool that it serves.");

    private readonly EngineOptions _engines = new("SLIDEMESH_");
    private readonly ProcessingOptions _processing = new();

    private readonly Option<string?> _name = new("--name")
    {
        Description = "Unique name of the node. Also SLIDEMESH_NODE_NAME. Default: the host's name and a random suffix.",
        DefaultValueFactory = _ => ClusterOptions.Variable("SLIDEMESH_NODE_NAME"),
        HelpName = "node",
    };

    private readonly Option<string?> _health = new("--health")
    {
        Description = "Serve /started, /live and /ready by HTTP, e.g. 0.0.0.0:8080. Also SLIDEMESH_HEALTH. Default: off.",
        DefaultValueFactory = _ => ClusterOptions.Variable("SLIDEMESH_HEALTH"),
        HelpName = "address:port",
    };

    private readonly Option<int> _grace = Number("--grace", "SLIDEMESH_GRACE", 30, "s", "Seconds that drain and SIGTERM wait for held work before it is handed back.");

    private readonly Option<int> _lease = Number("--lease", "SLIDEMESH_LEASE", 6, "s", "Seconds of silence after which a node's work is taken over; the same on all nodes.");

    private readonly Option<int> _deaths = Number("--max-deaths", "SLIDEMESH_MAX_DEATHS", 3, "n", "Nodes that may crash with a message in hand before it is quarantined.");

    private readonly Option<int> _losses = Number(
        "--max-losses", "SLIDEMESH_MAX_LOSSES", 20, "n", "Nodes that may vanish, machine and all, with a message in hand before it is quarantined.");

    private readonly Option<int> _keepRuns = Number(
        "--keep-runs", "SLIDEMESH_KEEP_RUNS", 30, "days", "Coordinator: days after its end that Redis remembers a run; the store keeps its results. The same on all nodes.");

    /// <summary>Given by the process that watches over this one: see <see cref="NodeWatch"/>.</summary>
    private readonly Option<string?> _life = new(NodeWatch.LifeOption) { Hidden = true };

    private readonly Option<string?> _cache = new("--models-cache")
    {
        Description = "Where packages are kept that were fetched from the store. Also SLIDEMESH_MODELS_CACHE. Default: a folder in the temporary folder.",
        DefaultValueFactory = _ => ClusterOptions.Variable("SLIDEMESH_MODELS_CACHE"),
        HelpName = "folder",
    };

    private readonly Option<string?> _slideCache = new("--cache")
    {
        Description = "Folder on a local disk: slides from slow or shared storage are copied there when they are opened. Nodes of one machine may share it. Also SLIDEMESH_CACHE.",
        DefaultValueFactory = _ => ClusterOptions.Variable("SLIDEMESH_CACHE"),
        HelpName = "folder",
    };

    private readonly Option<string?> _slideCacheSize = new("--cache-size")
    {
        Description = "Most that the copies take, such as 200GB (the default) or 500GiB; the least recently used go first. Also SLIDEMESH_CACHE_SIZE.",
        DefaultValueFactory = _ => ClusterOptions.Variable("SLIDEMESH_CACHE_SIZE"),
        HelpName = "size",
    };

    private readonly Option<int> _slides = Number("--slides-at-once", "SLIDEMESH_SLIDES_AT_ONCE", 2, "n", "Slides planned at once, and slides merged at once.");

    public static Command Create()
    {
        NodeCommand node = new();
        Command command = new("node", "Work in a cluster: pull messages from Redis, write results to the shared store. Ends on SIGTERM, Ctrl-C or 'slidemesh drain'.");
        node._cluster.AddTo(command, withStore: true);
        foreach (Option option in (Option[])
        [
            node._role, node._pool, node._name, node._health, node._grace, node._lease, node._deaths, node._losses, node._cache, node._slideCache, node._slideCacheSize,
            node._slides, node._keepRuns, node._life,
        ])
        {
            command.Options.Add(option);
        }

        node._engines.AddTo(command);
        node._processing.AddComputingTo(command);

        command.SetAction(node.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        NodeOptions options = Read(parsed);
        if (parsed.GetValue(_life) is null)
        {
            return await NodeWatch.RunAsync(options, parsed.GetResult(_name) is null or { Implicit: true }, Tell, cancellation).ConfigureAwait(false);
        }

        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        NodeWatch.HearParent(() =>
        {
            try
            {
                stop.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // The node has ended.
            }
        });
        _ = OpenSlideSource.LibraryVersion;
        using EngineSet engines = _engines.Open(parsed);
        using OtlpExport export = OtlpExport.Start(SoftwareVersion.Current, options.Engine.Node, parsed.GetValue(_role));
        await new ClusterNode(options, [engines.First, .. engines.Others], Tell).RunAsync(stop.Token).ConfigureAwait(false);
        return ExitCode.Success;
    }

    private NodeOptions Read(ParseResult parsed)
    {
        string name = parsed.GetValue(_name) ?? $"{Environment.MachineName}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(3))}";
        if (name.Length is 0 or > 100 || name.Any(c => !(char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-')))
        {
            throw new CommandException($"--name '{name}' may hold letters, digits, dots, hyphens and underscores only");
        }

        return new NodeOptions
        {
            Roles = ReadRoles(parsed.GetValue(_role)!),
            Redis = _cluster.ReadRedis(parsed),
            Store = _cluster.ReadStore(parsed),
            ModelsCache = parsed.GetValue(_cache) ?? Path.Combine(Path.GetTempPath(), $"slidemesh-models-{Environment.UserName}"),
            Health = parsed.GetValue(_health),
            SlidesAtOnce = ProcessingOptions.AtLeast(1, parsed.GetValue(_slides), "--slides-at-once"),
            KeepRuns = TimeSpan.FromDays(Math.Min(ProcessingOptions.AtLeast(1, parsed.GetValue(_keepRuns), "--keep-runs"), LongestMemoryDays)),
            Grace = TimeSpan.FromSeconds(ProcessingOptions.AtLeast(0, parsed.GetValue(_grace), "--grace")),
            Engine = new RedisEngineOptions
            {
                Node = name,
                Pool = ReadPool(parsed.GetValue(_pool)!),
                Lease = TimeSpan.FromSeconds(ProcessingOptions.AtLeast(1, parsed.GetValue(_lease), "--lease")),
                MaximumDeaths = ProcessingOptions.AtLeast(1, parsed.GetValue(_deaths), "--max-deaths"),
                MaximumLosses = ProcessingOptions.AtLeast(1, parsed.GetValue(_losses), "--max-losses"),
                Life = parsed.GetValue(_life) ?? RedisEngineOptions.NewLife(),
            },
            Work = ReadWork(parsed),
        };
    }

    private RunOptions ReadWork(ParseResult parsed)
    {
        RunOptions work = ProcessingOptions.WithCopies(_processing.ReadComputing(parsed), parsed.GetValue(_slideCache), parsed.GetValue(_slideCacheSize));
        try
        {
            // Found out before the first run comes.
            _ = work.OpenCopies();
            return work;
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"--cache '{work.CopyFolder}' cannot be written: {failed.Message.TrimEnd('.')}; choose another folder or leave it out");
        }
    }

    /// <exception cref="CommandException">The name is another queue's, or none.</exception>
    internal static string ReadPool(string pool) =>
        pool is not ("" or "coordinator" or "aggregator") && pool.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-')
            ? pool
            : throw new CommandException($"--pool '{pool}' may hold letters, digits, hyphens and underscores, and be neither coordinator nor aggregator");

    private static NodeRoles ReadRoles(string text) => text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
        .Aggregate(NodeRoles.None, (all, role) => all | role switch
        {
            "coordinator" => NodeRoles.Coordinator,
            "aggregator" => NodeRoles.Aggregator,
            "inference" => NodeRoles.Inference,
            _ => throw new CommandException($"--role '{role}' is not one of coordinator, aggregator, inference"),
        }) is var roles and not NodeRoles.None ? roles : throw new CommandException("--role is empty; name coordinator, aggregator or inference");

    private static void Tell(string line) => Console.Error.WriteLine($"{DateTime.UtcNow.ToString("HH:mm:ss", CultureInfo.InvariantCulture)} {line}");

    private static Option<string> Text(string name, string variable, string otherwise, string help, string description) => new(name)
    {
        Description = $"{description} Also {variable}.",
        DefaultValueFactory = _ => ClusterOptions.Variable(variable) ?? otherwise,
        HelpName = help,
    };

    private static Option<int> Number(string name, string variable, int otherwise, string help, string description) => new(name)
    {
        Description = $"{description} Also {variable}.",
        DefaultValueFactory = _ => ClusterOptions.Variable(variable, otherwise),
        HelpName = help,
    };
}
