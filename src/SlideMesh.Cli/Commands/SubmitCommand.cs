using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using SlideMesh.Inference.OnnxRuntime;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Cluster;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Redis;
using SlideMesh.Mesh.Runs;
using SlideMesh.Mesh.Stages;
using SlideMesh.Mesh.Telemetry;
using SlideMesh.Prediction;

namespace SlideMesh.Cli.Commands;

/// <summary><c>slidemesh submit</c>: hands a run to the cluster and returns.</summary>
internal sealed class SubmitCommand
{
    private const int SlidesInFlight = 32;

    private readonly ClusterOptions _cluster = new();
    private readonly RunCommand _run = new();

    private readonly Option<string> _priority = new("--priority")
    {
        Description = "urgent before normal before research; who waits long comes first all the same.",
        DefaultValueFactory = _ => "normal",
        HelpName = "urgent|normal|research",
    };

    private readonly Option<string> _pool = new("--pool") { Description = "Inference pool that computes.", DefaultValueFactory = _ => "default", HelpName = "name" };

    private readonly Option<bool> _wait = new("--wait") { Description = "Follow the run to its end, with the exit codes of 'run'." };

    public static Command Create()
    {
        SubmitCommand submit = new();
        Command command = new("submit", $"Hand a run to the cluster: takes what 'run' takes, prints the run's id, returns at once.\n{ExitCode.Help}");
        submit._cluster.AddTo(command, withStore: true);
        submit._run.AddSpecificationTo(command);
        submit._run.AddCuttingTo(command);
        foreach (Option option in (Option[])[submit._priority, submit._pool, submit._wait])
        {
            command.Options.Add(option);
        }

        command.SetAction(submit.RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        RunOptions options = _run.ReadOptions(parsed);
        RunPriority priority = ReadPriority(parsed.GetValue(_priority)!);
        string pool = NodeCommand.ReadPool(parsed.GetValue(_pool)!);
        ClusterStore store = ClusterStore.Open(_cluster.ReadStore(parsed));
        string output = store.RelativeOut(options.OutputRoot);
        IReadOnlyList<CohortEntry> cohort = _run.Inputs.Read(parsed, Path.Combine(store.Root, output));
        using OnnxRuntimeEngine engine = new();
        IReadOnlyList<ModelPackage> packages = _run.ReadPackages(parsed);
        ResolvedPipeline pipeline = PipelineResolver.Resolve(packages, engine);
        using OtlpExport export = OtlpExport.Start(SoftwareVersion.Current);
        RedisLink link = await _cluster.ConnectAsync(parsed, cancellation).ConfigureAwait(false);
        await using var closing = link.ConfigureAwait(false);
        RunBoard board = new(link);

        string id = $"{TimeProvider.System.GetUtcNow().UtcDateTime.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(2))}";
        string? engineOfPool = await EngineOfAsync(board, pool, cancellation).ConfigureAwait(false);
        bool isServed = engineOfPool is not null;
        using MeshTelemetry telemetry = new();
        using (System.Diagnostics.Activity? activity = telemetry.Source.StartActivity("submit"))
        {
            activity?.SetTag("slidemesh.run.id", id);
            RunSpecification run = new()
            {
                Id = id,
                SoftwareVersion = SoftwareVersion.Current,
                Engine = engineOfPool ?? engine.Description,
                Created = TimeProvider.System.GetUtcNow(),
                Priority = priority,
                Pool = pool,
                Out = output,
                Models = [.. packages.Select(store.Keep)],
                Omics = CopyOmics(_run.ReadOmics(parsed), store.Folder(id)),
                Parameters = RunParameters.From(_run.NamesSlidesInFlight(parsed) ? options : options with { SlidesInFlight = SlidesInFlight }),
                Slides = [.. cohort.Select(s => SubmittedSlide.From(s, store.Root))],
                Trace = activity?.Id ?? "",
            };
            await SubmitAsync(run, store, board, pipeline, engine, telemetry, options, cancellation).ConfigureAwait(false);
        }

        Console.WriteLine(id);
        if (!isServed)
        {
            Console.Error.WriteLine($"slidemesh: no inference node of pool '{pool}' is up: the run waits for one (see 'slidemesh nodes')");
        }

        return parsed.GetValue(_wait) ? await RunVerbs.FollowAsync(board, store, id, pipeline, cancellation).ConfigureAwait(false) : ExitCode.Success;
    }

    private static async Task SubmitAsync(
        RunSpecification run, ClusterStore store, RunBoard board, ResolvedPipeline pipeline, OnnxRuntimeEngine engine, MeshTelemetry telemetry, RunOptions options,
        CancellationToken cancellation)
    {
        bool submitted = false;
        try
        {
            using SlidePredictor predictor = new(pipeline, engine);
            using RunStore results = RunStore.Share(store.OutputRoot(run));
            RunContext context = RunDescription.Of(run, store, pipeline, predictor, results, options, telemetry, TimeProvider.System);
            // The store first: what Redis loses is rebuilt from it, what the store has not got was never submitted.
            store.Write(run);
            string answer = await board.SubmitAsync(run, cancellation).ConfigureAwait(false);
            if (answer.StartsWith("busy:", StringComparison.Ordinal))
            {
                throw new CommandException($"run {answer[5..]} is writing to '{run.Out}'; wait for it, cancel it, or choose another folder with --out");
            }

            submitted = true;
            RunTables.WriteSpecification(context, run.Engine);
            context.Handles.Dispose();
        }
        finally
        {
            if (!submitted && Directory.Exists(store.Folder(run.Id)))
            {
                Directory.Delete(store.Folder(run.Id), recursive: true);
            }
        }
    }

    /// <summary>What the pool's nodes compute with: results say so, and a machine that only submits need not have it.</summary>
    /// <returns>Null when no node of the pool is up.</returns>
    private static async Task<string?> EngineOfAsync(RunBoard board, string pool, CancellationToken cancellation)
    {
        string[] engines =
        [
            .. (await board.NodesAsync(cancellation).ConfigureAwait(false))
                .Where(n => n.Silence < NodeVerbs.Lost && n.Facts.GetValueOrDefault("pool") == pool && n.Facts.GetValueOrDefault("roles", "").Contains("inference", StringComparison.Ordinal))
                .Select(n => n.Facts["engine"]).Distinct(StringComparer.Ordinal),
        ];
        return engines.Length <= 1
            ? engines.FirstOrDefault()
            : throw new CommandException($"the nodes of pool '{pool}' compute with {string.Join(" and ", engines)}, which would mix results; let a pool have one engine");
    }

    private static string? CopyOmics(string? table, string folder)
    {
        if (table is null)
        {
            return null;
        }

        try
        {
            Directory.CreateDirectory(folder);
            string name = Path.GetFileName(table);
            File.Copy(table, Path.Combine(folder, name is "run.json" or "ended.json" ? "omics-" + name : name));
            return name;
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"omics table '{table}' cannot be read: {unreadable.Message.TrimEnd('.')}; check the path");
        }
    }

    private static RunPriority ReadPriority(string name) => name switch
    {
        "urgent" => RunPriority.Urgent,
        "normal" => RunPriority.Normal,
        "research" => RunPriority.Research,
        _ => throw new CommandException($"--priority '{name}' is not one of urgent, normal, research"),
    };
}
