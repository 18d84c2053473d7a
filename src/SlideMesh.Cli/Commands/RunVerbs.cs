using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using SlideMesh.Cli.Display;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Cluster;
using SlideMesh.Mesh.Redis;
using SlideMesh.Mesh.Runs;
using SlideMesh.Reporting;

namespace SlideMesh.Cli.Commands;

/// <summary>Verbs about runs of the cluster: status, results, retry, cancel, pause, resume, recover.</summary>
internal static class RunVerbs
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    public static IEnumerable<Command> Create() =>
    [
        CreateStatus(),
        CreateResults(),
        CreateRetry(),
        CreateSimple("cancel", "Stop a run: what is not finished stays pending.", (board, run, token) => board.CancelAsync(run, token), "cancelled", "cancelled"),
        CreateSimple("pause", "Hold a run: what is in hand is finished, nothing else is begun.", (board, run, token) => board.PauseAsync(run, token), "paused", "paused"),
        CreateSimple("resume", "Let a paused run go on.", (board, run, token) => board.ResumeAsync(run, token), "running", "resumed"),
        CreateRecover(),
    ];

    /// <summary>Waits for a run's end and shows its table.</summary>
    public static async Task<int> FollowAsync(RunBoard board, ClusterStore store, string run, ResolvedPipeline pipeline, CancellationToken cancellation)
    {
        while (true)
        {
            RunStatus status = await board.StatusAsync(run, cancellation).ConfigureAwait(false) ?? throw new CommandException($"run {run} is not in Redis any more; 'slidemesh recover' rebuilds it");
            if (status.IsClosed)
            {
                IReadOnlyList<SlideOutcome> outcomes = await OutcomesAsync(board, store, run, cancellation).ConfigureAwait(false);
                ResultTable.Write(outcomes, pipeline.Packages.Any(p => p.Manifest.Synthetic), store.OutputRoot(store.Read(run)), Console.Out);
                return outcomes.Any(o => o.Summary.State == SlideState.Pending) ? ExitCode.Interrupted : RunCommand.Verdict(outcomes);
            }

            await Task.Delay(Every, cancellation).ConfigureAwait(false);
        }
    }

    private static Command CreateStatus()
    {
        ClusterOptions cluster = new();
        Argument<string?> named = new("run") { Description = "A run's id or its first characters; without it, all runs.", Arity = ArgumentArity.ZeroOrOne };
        Option<bool> watch = new("--watch") { Description = "Show again whenever something changed, until the run ends." };
        Option<bool> json = new("--json") { Description = "One JSON object a line." };
        Command command = new("status", "Where runs and their slides stand. With a store, also a run that ended long ago.") { named, watch, json };
        cluster.AddTo(command, withStore: true);
        command.SetAction(async (parsed, cancellation) =>
        {
            RedisLink link = await cluster.ConnectAsync(parsed, cancellation).ConfigureAwait(false);
            await using var closing = link.ConfigureAwait(false);
            RunBoard board = new(link);
            ClusterStore? store = cluster.TryReadStore(parsed) is { } root && parsed.GetValue(named) is not null ? ClusterStore.Open(root) : null;
            (string? run, ForgottenRun? forgotten) = parsed.GetValue(named) is { } name
                ? await ClusterOptions.FindRunAsync(board, store, name, cancellation).ConfigureAwait(false)
                : (null, null);
            string shown = "";
            while (true)
            {
                RunStatus[] runs = forgotten is null ? [.. await StatusesAsync(board, run, cancellation).ConfigureAwait(false)] : [forgotten.Status];
                using StringWriter text = new();
                if (parsed.GetValue(json))
                {
                    WriteJson(runs, text);
                }
                else
                {
                    WriteRuns(runs, text);
                    if (run is not null)
                    {
                        WriteSlides(forgotten?.States ?? await board.SlidesAsync(run, cancellation).ConfigureAwait(false), text);
                    }
                }

                if (text.ToString() != shown)
                {
                    shown = text.ToString();
                    Console.Write(shown);
                }

                if (!parsed.GetValue(watch) || (runs.Length > 0 && runs.All(r => r.IsClosed)))
                {
                    return ExitCode.Success;
                }

                await Task.Delay(Every, cancellation).ConfigureAwait(false);
            }
        });
        return command;
    }

    private static Command CreateResults()
    {
        ClusterOptions cluster = new();
        Argument<string> named = Named();
        Command command = new("results", "The table of a run's results, as 'run' prints it at its end.") { named };
        cluster.AddTo(command, withStore: true);
        command.SetAction(async (parsed, cancellation) =>
        {
            ClusterStore store = ClusterStore.Open(cluster.ReadStore(parsed));
            RedisLink link = await cluster.ConnectAsync(parsed, cancellation).ConfigureAwait(false);
            await using var closing = link.ConfigureAwait(false);
            RunBoard board = new(link);
            (string run, ForgottenRun? forgotten) = await ClusterOptions.FindRunAsync(board, store, parsed.GetValue(named)!, cancellation).ConfigureAwait(false);
            IReadOnlyList<SlideOutcome> outcomes = await OutcomesAsync(board, store, run, cancellation, forgotten?.States).ConfigureAwait(false);
            ResultTable.Write(outcomes, outcomes.Any(o => o.Summary.Models.Any(m => m.Synthetic)), store.OutputRoot(store.Read(run)), Console.Out);
            return RunCommand.Verdict(outcomes);
        });
        return command;
    }

    private static Command CreateRetry()
    {
        ClusterOptions cluster = new();
        Argument<string> named = Named();
        Option<bool> failed = new("--failed") { Description = "Only the slides that failed or are quarantined." };
        Command command = new("retry", "Try a run's slides again; finished ones are recognised and not computed again.") { named, failed };
        cluster.AddTo(command, withStore: true);
        command.SetAction(async (parsed, cancellation) =>
        {
            ClusterStore store = ClusterStore.Open(cluster.ReadStore(parsed));
            RedisLink link = await cluster.ConnectAsync(parsed, cancellation).ConfigureAwait(false);
            await using var closing = link.ConfigureAwait(false);
            RunBoard board = new(link);
            (string run, ForgottenRun? _) = await ClusterOptions.FindRunAsync(board, store, parsed.GetValue(named)!, cancellation).ConfigureAwait(false);
            long slides = await RunRetry.RunAsync(store, board, run, parsed.GetValue(failed), cancellation).ConfigureAwait(false);
            if (slides < 0)
            {
                throw new CommandException($"run {run} is not in Redis any more; 'slidemesh recover' rebuilds it");
            }

            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{slides} slides of {run} are tried again"));
            return ExitCode.Success;
        });
        return command;
    }

    /// <param name="outcome">The state that the run is in afterwards.</param>
    /// <param name="done">What the verb does to a run, as in "cannot be resumed".</param>
    private static Command CreateSimple(
        string verb, string description, Func<RunBoard, string, CancellationToken, Task<string>> ask, string outcome, string done)
    {
        ClusterOptions cluster = new();
        Argument<string> named = Named();
        Command command = new(verb, description) { named };
        cluster.AddTo(command, withStore: false);
        command.SetAction(async (parsed, cancellation) =>
        {
            RedisLink link = await cluster.ConnectAsync(parsed, cancellation).ConfigureAwait(false);
            await using var closing = link.ConfigureAwait(false);
            RunBoard board = new(link);
            string run = await ClusterOptions.FindRunAsync(board, parsed.GetValue(named)!, cancellation).ConfigureAwait(false);
            string answer = await ask(board, run, cancellation).ConfigureAwait(false);
            if (answer != "ok")
            {
                throw new CommandException(
                    answer == outcome ? $"run {run} is {outcome} already"
                    : $"run {run} is {answer}: it cannot be {done}{(answer is "done" or "cancelled" ? $"; 'slidemesh retry {run}' tries its slides again" : "")}");
            }

            Console.WriteLine($"{run} {outcome}");
            return ExitCode.Success;
        });
        return command;
    }

    private static Command CreateRecover()
    {
        ClusterOptions cluster = new();
        Command command = new("recover", "Rebuild every unfinished run in Redis from the store; no finished shard is computed again.");
        cluster.AddTo(command, withStore: true);
        command.SetAction(async (parsed, cancellation) =>
        {
            ClusterStore store = ClusterStore.Open(cluster.ReadStore(parsed));
            RedisLink link = await cluster.ConnectAsync(parsed, cancellation).ConfigureAwait(false);
            await using var closing = link.ConfigureAwait(false);
            IReadOnlyList<string> rebuilt = await Recovery.RunAsync(store, new RunBoard(link), cancellation).ConfigureAwait(false);
            foreach (string run in rebuilt)
            {
                Console.WriteLine(run);
            }

            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"slidemesh: {rebuilt.Count} runs rebuilt"));
            return ExitCode.Success;
        });
        return command;
    }

    private static Argument<string> Named() => new("run") { Description = "The run's id or its first characters." };

    private static async Task<IReadOnlyList<SlideOutcome>> OutcomesAsync(RunBoard board, ClusterStore store, string run, CancellationToken cancellation, IReadOnlyDictionary<string, string>? known = null)
    {
        RunSpecification specification = store.Read(run);
        IReadOnlyDictionary<string, string> states = known ?? await board.SlidesAsync(run, cancellation).ConfigureAwait(false);
        return
        [
            .. specification.Slides.Select(s => RunOutcomes.Of(
                store.OutputRoot(specification), run, store, s.ToEntry(store.Root), states.GetValueOrDefault(s.Id, "pending"))),
        ];
    }

    private static async Task<IEnumerable<RunStatus>> StatusesAsync(RunBoard board, string? run, CancellationToken cancellation)
    {
        List<RunStatus> found = [];
        foreach (string id in run is null ? await board.RunsAsync(cancellation).ConfigureAwait(false) : [run])
        {
            if (await board.StatusAsync(id, cancellation).ConfigureAwait(false) is { } status)
            {
                found.Add(status);
            }
        }

        return found;
    }

    private static void WriteRuns(RunStatus[] runs, TextWriter output)
    {
        TextTable table = new("run", "state", "priority", "slides", "done", "failed", "quarantined", "in flight", "shards", "out");
        foreach (RunStatus run in runs)
        {
            string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
            string state = run.State is "done" or "cancelled" && !run.IsClosed ? run.State + ", writing" : run.IsForgotten ? run.State + ", forgotten" : run.Error is null ? run.State : run.State + ", TABLES FAILED";
            table.Add(
                run.Run, state, KebabCase.Of(run.Priority), Text(run.Slides), Text(run.Done), Text(run.Failed), Text(run.Quarantined), Text(run.InFlight), run.Shards is { } shards ? Text(shards) : "-", run.Out);
        }

        table.Write(output);
        foreach (RunStatus broken in runs.Where(r => r.Error is not null))
        {
            output.WriteLine($"{broken.Run}: the tables could not be written: {broken.Error}; mend it, then: slidemesh retry {broken.Run}");
        }
    }

    private static void WriteSlides(IReadOnlyDictionary<string, string> slides, TextWriter output)
    {
        TextTable table = new("slide", "state");
        foreach ((string slide, string state) in slides.OrderBy(s => s.Key, StringComparer.Ordinal))
        {
            table.Add(slide, state);
        }

        table.Write(output);
    }

    private static void WriteJson(RunStatus[] runs, TextWriter output)
    {
        foreach (RunStatus run in runs)
        {
            using MemoryStream memory = new();
            using (Utf8JsonWriter json = new(memory))
            {
                json.WriteStartObject();
                json.WriteString("run", run.Run);
                json.WriteString("state", run.State);
                json.WriteString("priority", KebabCase.Of(run.Priority));
                json.WriteString("pool", run.Pool);
                json.WriteString("out", run.Out);
                json.WriteNumber("slides", run.Slides);
                json.WriteNumber("done", run.Done);
                json.WriteNumber("failed", run.Failed);
                json.WriteNumber("quarantined", run.Quarantined);
                json.WriteNumber("inFlight", run.InFlight);
                if (run.Shards is { } shards)
                {
                    json.WriteNumber("shards", shards);
                }
                else
                {
                    json.WriteNull("shards");
                }

                json.WriteBoolean("closed", run.IsClosed);
                json.WriteBoolean("forgotten", run.IsForgotten);
                json.WriteString("error", run.Error);
                json.WriteEndObject();
            }

            output.WriteLine(System.Text.Encoding.UTF8.GetString(memory.ToArray()));
        }
    }
}
