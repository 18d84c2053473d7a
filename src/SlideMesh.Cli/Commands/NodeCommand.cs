using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using SlideMesh.Inference.OnnxRuntime;
using SlideMesh.Mesh.Cluster;
using SlideMesh.Mesh.Redis;
using SlideMesh.Mesh.Runs;
using SlideMesh.Mesh.Telemetry;
using SlideMesh.Slides.OpenSlide;

namespace SlideMesh.Cli.Commands;

/// <summary><c>slidemesh node</c>: one process of a cluster. Settings and their variables: docs/cluster.md.</summary>
internal sealed class NodeCommand
{
    private readonly ClusterOptions _cluster = new();

    private readonly Option<string> _role = Text("--role", "SLIDEMESH_ROLE", "coordinator,aggregator,inference", "roles", "What the node does: coordinator, aggregator, inference, by commas.");

    private readonly Option<string> _pool = Text("--pool", "SLIDEMESH_POOL", "default", "name", "The inference pool that it serves.");

    private readonly Option<string> _device = Text("--device", "SLIDEMESH_DEVICE", "cpu", "device", "What computes: cpu.");

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

    private readonly Option<int> _deaths = Number("--max-deaths", "SLIDEMESH_MAX_DEATHS", 3, "n", "Workers that a message may kill before it is quarantined.");

    private readonly Option<string?> _cache = new("--models-cache")
    {
        Description = "Where packages are kept that were fetched from the store. Also SLIDEMESH_MODELS_CACHE. Default: a folder in the temporary folder.",
        DefaultValueFactory = _ => ClusterOptions.Variable("SLIDEMESH_MODELS_CACHE"),
        HelpName = "folder",
    };

    private readonly Option<int> _slides = Number("--slides-at-once", "SLIDEMESH_SLIDES_AT_ONCE", 2, "n", "Slides planned at once, and slides merged at once.");

    private readonly Option<int?> _decoders = new("--decoders") { Description = "Threads that read tiles. Default: one per core.", HelpName = "n" };

    private readonly Option<int?> _threads = new("--threads") { Description = "Threads that the CPU device computes with. Default: one per core.", HelpName = "n" };

    private readonly Option<int?> _batch = new("--batch-size") { Description = "Tiles per device batch. Default: found by trying.", HelpName = "n" };

    private readonly Option<int> _batchMemory = new("--batch-memory") { Description = "Most memory for batches, MiB.", DefaultValueFactory = _ => 512, HelpName = "MiB" };

    public static Command Create()
    {
        NodeCommand node = new();
        Command command = new("node", "Work in a cluster: pull messages from Redis, write results to the shared store. Ends on SIGTERM, Ctrl-C or 'slidemesh drain'.");
        node._cluster.AddTo(command, withStore: true);
        foreach (Option option in (Option[])
        [
            node._role, node._pool, node._device, node._name, node._health, node._grace, node._lease, node._deaths, node._cache, node._slides,
            node._decoders, node._threads, node._batch, node._batchMemory,
        ])
        {
            command.Options.Add(option);
        }

        command.SetAction(node.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        NodeOptions options = Read(parsed);
        _ = OpenSlideSource.LibraryVersion;
        using OnnxRuntimeEngine engine = new();
        using OtlpExport export = OtlpExport.Start(SoftwareVersion.Current, options.Engine.Node, parsed.GetValue(_role));
        await new ClusterNode(options, engine, Tell).RunAsync(cancellation).ConfigureAwait(false);
        return ExitCode.Success;
    }

    private NodeOptions Read(ParseResult parsed)
    {
        string device = parsed.GetValue(_device)!;
        if (device != "cpu")
        {
            throw new CommandException($"--device '{device}' is not known here; this version computes on cpu");
        }

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
            Device = device,
            Health = parsed.GetValue(_health),
            SlidesAtOnce = AtLeast(1, parsed.GetValue(_slides), "--slides-at-once"),
            Grace = TimeSpan.FromSeconds(AtLeast(0, parsed.GetValue(_grace), "--grace")),
            Engine = new RedisEngineOptions
            {
                Node = name,
                Pool = ReadPool(parsed.GetValue(_pool)!),
                Lease = TimeSpan.FromSeconds(AtLeast(1, parsed.GetValue(_lease), "--lease")),
                MaximumDeaths = AtLeast(1, parsed.GetValue(_deaths), "--max-deaths"),
            },
            Work = new RunOptions
            {
                OutputRoot = "",
                Decoders = parsed.GetValue(_decoders) is int decoders ? AtLeast(1, decoders, "--decoders") : null,
                DeviceThreads = parsed.GetValue(_threads) is int threads ? AtLeast(1, threads, "--threads") : null,
                BatchSize = parsed.GetValue(_batch) is int batch ? AtLeast(1, batch, "--batch-size") : null,
                BatchMemoryBytes = (long)AtLeast(16, parsed.GetValue(_batchMemory), "--batch-memory") << 20,
            },
        };
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

    private static int AtLeast(int least, int value, string option) =>
        value >= least ? value : throw new CommandException(string.Create(CultureInfo.InvariantCulture, $"{option} {value} is less than {least}"));

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
