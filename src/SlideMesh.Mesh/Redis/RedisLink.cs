using System.Globalization;
using System.Text;
using StackExchange.Redis;

namespace SlideMesh.Mesh.Redis;

/// <summary>
/// The connection of one process. Calls wait while Redis is away and go on when it is back, so a script may have run already when it is
/// sent again; every script is harmless then (<c>protocol.md</c>). Safe from any thread.
/// </summary>
public sealed class RedisLink : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    /// <summary>What the library says before the reason for which there is none.</summary>
    private const string NoConnection = "No connection is available to service this operation: PING; ";

    private readonly ConnectionMultiplexer _connection;
    private readonly TimeProvider _time;
    private readonly string _namespace;
    private long _lastAnswer;

    private RedisLink(ConnectionMultiplexer connection, RedisSettings settings, TimeProvider time)
    {
        _connection = connection;
        _time = time;
        _namespace = settings.Namespace;
        _lastAnswer = time.GetTimestamp();
    }

    public bool IsConnected => _connection.IsConnected;

    /// <summary>Time since Redis last answered anything.</summary>
    public TimeSpan Silence => _time.GetElapsedTime(Interlocked.Read(ref _lastAnswer));

    internal string Namespace => _namespace;

    internal IDatabase Database => _connection.GetDatabase();

    /// <summary>Connects, or begins to: a Redis that is not there yet is waited for by the calls.</summary>
    /// <exception cref="RedisUnusableException">The settings make no sense.</exception>
    public static async Task<RedisLink> ConnectAsync(RedisSettings settings, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(settings);
        try
        {
            ConnectionMultiplexer connection = await ConnectionMultiplexer.ConnectAsync(settings.ToOptions()).ConfigureAwait(false);
            return new RedisLink(connection, settings, time ?? TimeProvider.System);
        }
        catch (Exception unusable) when (unusable is ArgumentException or FormatException or RedisConnectionException)
        {
            throw new RedisUnusableException($"redis '{settings.Address}' cannot be used: {unusable.Message.ReplaceLineEndings(" ")}; give HOST:PORT with --redis", unusable);
        }
    }

    /// <summary>Full name of a key or channel.</summary>
    public string Key(string name) => $"{_namespace}:{name}";

    /// <summary>Whether Redis answers now.</summary>
    /// <exception cref="RedisUnusableException">It does not, or refuses the password.</exception>
    public async Task RequireAsync(TimeSpan within, CancellationToken cancellation)
    {
        try
        {
            await _connection.GetDatabase().PingAsync().WaitAsync(within, cancellation).ConfigureAwait(false);
        }
        catch (Exception failed) when (failed is RedisException or TimeoutException)
        {
            // What the library appends of its counters tells an operator nothing.
            string reason = failed.Message.ReplaceLineEndings(" ").Split(", origin:")[0].Replace(NoConnection, "", StringComparison.Ordinal).TrimEnd('.');
            throw new RedisUnusableException($"redis does not answer: {reason}; check that it runs, --redis, the password and TLS", failed);
        }
    }

    /// <summary>Runs a script; waits while Redis is away.</summary>
    internal Task<RedisResult> CallAsync(LuaScript script, CancellationToken cancellation, params object[] arguments) =>
        PersistAsync(() => EvaluateAsync(script, arguments), cancellation);

    /// <summary>Runs a command; waits while Redis is away.</summary>
    internal Task<RedisResult> CommandAsync(string command, CancellationToken cancellation, params object[] arguments) =>
        PersistAsync(() => _connection.GetDatabase().ExecuteAsync(command, arguments), cancellation);

    /// <summary>The inference pools that runs were ever submitted to.</summary>
    internal async Task<string[]> PoolsAsync(CancellationToken cancellation) =>
        Strings(await CommandAsync("SMEMBERS", cancellation, Key("pools")).ConfigureAwait(false));

    /// <summary>Hears a channel for as long as this lives, over reconnections; returns once it is asked for, which waits while Redis is away.</summary>
    internal async Task ListenAsync(string channel, Action<string> heard, CancellationToken cancellation)
    {
        ISubscriber subscriber = _connection.GetSubscriber();
        void Hear(RedisChannel from, RedisValue value) => heard(value.ToString());
        while (true)
        {
            try
            {
                await subscriber.SubscribeAsync(Key(channel), Hear).WaitAsync(cancellation).ConfigureAwait(false);
                return;
            }
            catch (Exception away) when (IsAway(away))
            {
                // The library takes a channel that it could not ask for as heard, and would not ask again.
                await ForgetAsync(subscriber, channel, Hear).ConfigureAwait(false);
                await Task.Delay(TimeSpan.FromMilliseconds(100), _time, cancellation).ConfigureAwait(false);
            }
        }
    }

    private async Task ForgetAsync(ISubscriber subscriber, string channel, Action<RedisChannel, RedisValue> heard)
    {
        try
        {
            await subscriber.UnsubscribeAsync(Key(channel), heard).WaitAsync(Patience).ConfigureAwait(false);
        }
        catch (Exception away) when (IsAway(away))
        {
            // There is nobody to tell.
        }
    }

    internal void OnRestored(Action restored) => _connection.ConnectionRestored += (_, _) => restored();

    public async ValueTask DisposeAsync()
    {
        await _connection.CloseAsync(allowCommandsToComplete: false).ConfigureAwait(false);
        _connection.Dispose();
    }

    private async Task<RedisResult> EvaluateAsync(LuaScript script, object[] arguments)
    {
        object[] all = new object[arguments.Length + 3];
        all[0] = script.Sha1;
        all[1] = 0;
        all[2] = _namespace;
        arguments.CopyTo(all, 3);
        IDatabase database = _connection.GetDatabase();
        try
        {
            return await database.ExecuteAsync("EVALSHA", all).WaitAsync(Patience).ConfigureAwait(false);
        }
        catch (RedisServerException unknown) when (unknown.Message.StartsWith("NOSCRIPT", StringComparison.Ordinal))
        {
            all[0] = script.Text;
            return await database.ExecuteAsync("EVAL", all).WaitAsync(Patience).ConfigureAwait(false);
        }
    }

    private async Task<RedisResult> PersistAsync(Func<Task<RedisResult>> call, CancellationToken cancellation)
    {
        TimeSpan pause = TimeSpan.FromMilliseconds(20);
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                RedisResult result = await call().WaitAsync(Patience, cancellation).ConfigureAwait(false);
                Interlocked.Exchange(ref _lastAnswer, _time.GetTimestamp());
                return result;
            }
            catch (Exception away) when (IsAway(away))
            {
                await Task.Delay(pause, _time, cancellation).ConfigureAwait(false);
                pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            }
        }
    }

    private static bool IsAway(Exception failure) => failure switch
    {
        RedisConnectionException or TimeoutException => true,
        RedisServerException refused => refused.Message.StartsWith("LOADING", StringComparison.Ordinal)
            || refused.Message.StartsWith("BUSY ", StringComparison.Ordinal)
            || refused.Message.StartsWith("MASTERDOWN", StringComparison.Ordinal)
            || refused.Message.StartsWith("READONLY", StringComparison.Ordinal)
            || refused.Message.StartsWith("OOM ", StringComparison.Ordinal)
            || refused.Message.StartsWith("MISCONF", StringComparison.Ordinal)
            // A password that is being changed: a node waits; verbs have asked before whether it is right.
            || refused.Message.StartsWith("NOAUTH", StringComparison.Ordinal),
        // The library cancels what it had not sent when a connection ends.
        OperationCanceledException cancelled => !cancelled.CancellationToken.IsCancellationRequested,
        _ => false,
    };

    internal static string[] Strings(RedisResult result) => result.IsNull ? [] : (string[])result;

    internal static long Number(RedisResult result) => long.Parse(((string)result)!, CultureInfo.InvariantCulture);
}
