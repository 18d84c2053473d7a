using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using SlideMesh.Cli.Display;
using SlideMesh.Mesh.Cluster;
using SlideMesh.Mesh.Redis;
using SlideMesh.Slides;

namespace SlideMesh.Cli.Commands;

/// <summary>Verbs about the cluster's nodes and what killed them: nodes, drain, quarantine.</summary>
internal static class NodeVerbs
{
    /// <summary>Nodes announce themselves every two seconds.</summary>
    internal static readonly TimeSpan Lost = TimeSpan.FromSeconds(6);

    public static IEnumerable<Command> Create() => [CreateNodes(), CreateDrain(), CreateQuarantine()];

    private static Command CreateNodes()
    {
        ClusterOptions cluster = new();
        Option<bool> json = new("--json") { Description = "One JSON object a line." };
        Command command = new("nodes", "Every node of the cluster: roles, device, pool, state, load, models.") { json };
        cluster.AddTo(command, withStore: false);
        command.SetAction(async (parsed, cancellation) =>
        {
            RedisLink link = await cluster.ConnectAsync(parsed, cancellation).ConfigureAwait(false);
            await using var closing = link.ConfigureAwait(false);
            IReadOnlyList<NodeStatus> nodes = await new RunBoard(link).NodesAsync(cancellation).ConfigureAwait(false);
            if (parsed.GetValue(json))
            {
                WriteJson(nodes);
                return ExitCode.Success;
            }

            TextTable table = new("node", "state", "roles", "pool", "device", "holds", "busy", "seen", "models");
            foreach (NodeStatus node in nodes)
            {
                string Fact(string name) => node.Facts.GetValueOrDefault(name) is { Length: > 0 } fact ? fact : "-";
                table.Add(
                    node.Name, State(node), Fact("roles"), Fact("pool"), Fact("device"), Fact("held"), Fact("busy"),
                    string.Create(CultureInfo.InvariantCulture, $"{node.Silence.TotalSeconds:0} s ago"), Fact("models"));
            }

            table.Write(Console.Out);
            return ExitCode.Success;
        });
        return command;
    }

    private static Command CreateDrain()
    {
        ClusterOptions cluster = new();
        Argument<string> node = new("node") { Description = "Name of the node (see 'slidemesh nodes')." };
        Command command = new("drain", "Let a node finish or hand back what it holds, and end.") { node };
        cluster.AddTo(command, withStore: false);
        command.SetAction(async (parsed, cancellation) =>
        {
            RedisLink link = await cluster.ConnectAsync(parsed, cancellation).ConfigureAwait(false);
            await using var closing = link.ConfigureAwait(false);
            string name = parsed.GetValue(node)!;
            if (!await new RunBoard(link).DrainAsync(name, cancellation).ConfigureAwait(false))
            {
                throw new CommandException($"there is no node '{name}' (see 'slidemesh nodes')");
            }

            Console.WriteLine($"{name} drains");
            return ExitCode.Success;
        });
        return command;
    }

    private static Command CreateQuarantine()
    {
        Command list = new("list", "Messages that killed workers.");
        ClusterOptions listed = new();
        listed.AddTo(list, withStore: false);
        list.SetAction((parsed, cancellation) => ListAsync(listed, parsed, cancellation));

        Argument<string> slide = new("slide") { Description = "Id of the slide." };
        Command release = new("release", "Try a quarantined slide again.") { slide };
        ClusterOptions released = new();
        released.AddTo(release, withStore: true);
        release.SetAction((parsed, cancellation) => ReleaseAsync(released, parsed, parsed.GetValue(slide)!, cancellation));

        ClusterOptions own = new();
        Command command = new("quarantine", "Messages that killed workers, and how to try them again.") { list, release };
        own.AddTo(command, withStore: false);
        command.SetAction((parsed, cancellation) => ListAsync(own, parsed, cancellation));
        return command;
    }

    private static async Task<int> ListAsync(ClusterOptions cluster, ParseResult parsed, CancellationToken cancellation)
    {
        RedisLink link = await cluster.ConnectAsync(parsed, cancellation).ConfigureAwait(false);
        await using var closing = link.ConfigureAwait(false);
        TextTable table = new("slide", "run", "stage", "crashes", "lost nodes");
        foreach ((string _, string text) in (await new RunBoard(link).QuarantineAsync(cancellation).ConfigureAwait(false)).OrderBy(q => q.Key, StringComparer.Ordinal))
        {
            using JsonDocument entry = JsonDocument.Parse(text);
            string Member(string name) => entry.RootElement.GetProperty(name).ToString();
            table.Add(Member("slide"), Member("run"), Member("pool"), Member("deaths"), Member("losses"));
        }

        table.Write(Console.Out);
        return ExitCode.Success;
    }

    private static async Task<int> ReleaseAsync(ClusterOptions cluster, ParseResult parsed, string slide, CancellationToken cancellation)
    {
        ClusterStore store = ClusterStore.Open(cluster.ReadStore(parsed));
        RedisLink link = await cluster.ConnectAsync(parsed, cancellation).ConfigureAwait(false);
        await using var closing = link.ConfigureAwait(false);
        RunBoard board = new(link);
        string[] runs =
        [
            .. (await board.QuarantineAsync(cancellation).ConfigureAwait(false)).Keys.Select(k => k.Split(' ')).Where(k => k[1] == slide).Select(k => k[0]),
        ];
        if (runs.Length == 0)
        {
            throw new CommandException($"slide '{slide}' is not quarantined (see 'slidemesh quarantine list')");
        }

        foreach (string run in runs)
        {
            long again = await RunRetry.SlideAsync(store, board, run, new SlideId(slide), cancellation).ConfigureAwait(false);
            Console.WriteLine(again > 0 ? $"{slide} of {run} is tried again" : $"{slide} of {run} is still being recorded; try once more in a moment");
        }

        return ExitCode.Success;
    }

    private static string State(NodeStatus node) =>
        node.Facts.ContainsKey("crashed") ? "crashed" : node.Silence > Lost ? "lost" : node.Facts.GetValueOrDefault("state", "live");

    private static void WriteJson(IReadOnlyList<NodeStatus> nodes)
    {
        foreach (NodeStatus node in nodes)
        {
            using MemoryStream memory = new();
            using (Utf8JsonWriter json = new(memory))
            {
                json.WriteStartObject();
                json.WriteString("node", node.Name);
                json.WriteString("state", State(node));
                json.WriteNumber("silenceSeconds", Math.Round(node.Silence.TotalSeconds, 1));
                foreach ((string name, string value) in node.Facts.Where(f => f.Key is not ("state" or "drain")).OrderBy(f => f.Key, StringComparer.Ordinal))
                {
                    json.WriteString(name, value);
                }

                json.WriteEndObject();
            }

            Console.Out.WriteLine(System.Text.Encoding.UTF8.GetString(memory.ToArray()));
        }
    }
}
