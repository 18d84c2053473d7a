using System.CommandLine;
using System.Globalization;
using SlideMesh.Mesh.Cluster;
using SlideMesh.Mesh.Redis;

namespace SlideMesh.Cli.Commands;

/// <summary>Where the cluster is. An option wins over its environment variable; passwords come from the environment or a file only.</summary>
internal sealed class ClusterOptions
{
    private const string PasswordVariable = "SLIDEMESH_REDIS_PASSWORD";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly Option<string> _redis = new("--redis")
    {
        Description = $"Redis of the cluster. Also SLIDEMESH_REDIS; the password comes from {PasswordVariable} or the file in {PasswordVariable}_FILE.",
        DefaultValueFactory = _ => Variable("SLIDEMESH_REDIS") ?? "localhost:6379",
        HelpName = "host:port",
    };

    private readonly Option<bool> _tls = new("--redis-tls")
    {
        Description = "Encrypt the connection to Redis and check its certificate. Also SLIDEMESH_REDIS_TLS=true.",
        DefaultValueFactory = _ => Variable("SLIDEMESH_REDIS_TLS") is "true" or "1",
    };

    private readonly Option<string?> _authority = new("--redis-ca")
    {
        Description = "PEM file of the authority that signed Redis' certificate. Also SLIDEMESH_REDIS_CA. Default: the system's authorities.",
        DefaultValueFactory = _ => Variable("SLIDEMESH_REDIS_CA"),
        HelpName = "file",
    };

    private readonly Option<string> _namespace = new("--namespace")
    {
        Description = "First part of every key in Redis. Also SLIDEMESH_NAMESPACE.",
        DefaultValueFactory = _ => Variable("SLIDEMESH_NAMESPACE") ?? "slidemesh",
        HelpName = "name",
    };

    private readonly Option<string?> _store = new("--store")
    {
        Description = "The folder that all nodes share; results lie below it. Also SLIDEMESH_STORE.",
        DefaultValueFactory = _ => Variable("SLIDEMESH_STORE"),
        HelpName = "folder",
    };

    public void AddTo(Command command, bool withStore)
    {
        foreach (Option option in (Option[])[_redis, _tls, _authority, _namespace])
        {
            command.Options.Add(option);
        }

        if (withStore)
        {
            command.Options.Add(_store);
        }
    }

    /// <exception cref="CommandException">The password's file cannot be read.</exception>
    public RedisSettings ReadRedis(ParseResult parsed) => new()
    {
        Address = parsed.GetValue(_redis)!,
        Tls = parsed.GetValue(_tls),
        AuthorityFile = parsed.GetValue(_authority),
        Namespace = parsed.GetValue(_namespace)!,
        Password = Password(),
    };

    /// <returns>Null when neither the option nor its variable names one.</returns>
    public string? TryReadStore(ParseResult parsed) => parsed.GetValue(_store);

    public string ReadStore(ParseResult parsed) =>
        TryReadStore(parsed) ?? throw new CommandException("no store given: name the shared folder with --store or SLIDEMESH_STORE");

    /// <summary>Connects for a verb, which does not wait for a Redis that is away.</summary>
    public async Task<RedisLink> ConnectAsync(ParseResult parsed, CancellationToken cancellation)
    {
        RedisLink link = await RedisLink.ConnectAsync(ReadRedis(parsed)).ConfigureAwait(false);
        try
        {
            await link.RequireAsync(Patience, cancellation).ConfigureAwait(false);
            return link;
        }
        catch
        {
            await link.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>The run in Redis that an id or its first characters mean.</summary>
    public static async Task<string> FindRunAsync(RunBoard board, string named, CancellationToken cancellation) =>
        (await FindRunAsync(board, null, named, cancellation).ConfigureAwait(false)).Run;

    /// <summary>As <see cref="FindRunAsync(RunBoard, string, CancellationToken)"/>, and among the ended runs of the store when Redis has none of that name.</summary>
    public static async Task<(string Run, ForgottenRun? Forgotten)> FindRunAsync(
        RunBoard board, ClusterStore? store, string named, CancellationToken cancellation)
    {
        if (Pick(named, await board.RunsAsync(cancellation).ConfigureAwait(false)) is { } known)
        {
            return (known, null);
        }

        if (store is null)
        {
            throw new CommandException(
                $"there is no run '{named}' in Redis (see 'slidemesh status'; after a loss of Redis, 'slidemesh recover'; of runs that ended long ago 'slidemesh results' tells)");
        }

        string run = Pick(named, store.RunFolders())
            ?? throw new CommandException($"there is no run '{named}', neither in Redis nor in the store '{store.Root}' (see 'slidemesh status')");
        return (run, ForgottenRun.TryRead(store, run) ?? throw new CommandException(
            store.TryRead(run) is null
            ? $"run {run} is in the store in another version's words: use that version, or look into its output folder"
            : $"run {run} is in the store but not in Redis, and has not ended: 'slidemesh recover' rebuilds it"));
    }

    private static string? Pick(string named, IReadOnlyList<string> runs)
    {
        string[] found = [.. runs.Where(run => run.StartsWith(named, StringComparison.Ordinal))];
        return found.Length <= 1
            ? found.FirstOrDefault()
            : throw new CommandException($"'{named}' begins the ids of {found.Length} runs: {string.Join(", ", found.Take(4))}; give more of it");
    }

    public static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    /// <summary>A number from a variable, or a default.</summary>
    public static int Variable(string name, int otherwise) =>
        Variable(name) is not { } text ? otherwise
        : int.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out int value) ? value
        : throw new CommandException($"{name} '{text}' is not a whole number");

    private static string? Password()
    {
        if (Variable(PasswordVariable + "_FILE") is not { } file)
        {
            return Variable(PasswordVariable);
        }

        try
        {
            return File.ReadAllText(file).TrimEnd('\r', '\n');
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"password file '{file}' cannot be read: {unreadable.Message.TrimEnd('.')}; check {PasswordVariable}_FILE");
        }
    }
}
