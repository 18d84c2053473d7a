using System.Globalization;
using System.Text.Json;
using System.Threading.Channels;
using SlideMesh.Mesh.Messages;
using StackExchange.Redis;

namespace SlideMesh.Mesh.Redis;

/// <summary>
/// Pulls messages of one pool as fast as handlers are free. Idle, it asks less and less often, up to once in
/// <see cref="RedisEngineOptions.IdlePoll"/>; a publication wakes it at once. Work per message does not depend on how many wait.
/// </summary>
internal sealed class PoolLoop(RedisEngine engine, string pool, int concurrency, Func<MeshMessage, CancellationToken, Task> receive)
{
    private const int ClaimsAtOnce = 64;
    private const int HintsAtOnce = 8;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(10);

    private readonly Channel<byte> _wake = Channel.CreateBounded<byte>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private int _active;
    private volatile bool _isClaiming;

    public string Pool => pool;

    /// <summary>A claim may have been given to this node that its handler has not begun: <see cref="RedisEngine.IsDraining"/> does not tell that nothing comes any more.</summary>
    public bool IsClaiming => _isClaiming;

    public bool IsActive => Volatile.Read(ref _active) > 0;

    public void Wake() => _wake.Writer.TryWrite(0);

    public async Task RunAsync(CancellationToken cancellation)
    {
        HashSet<Task> running = [];
        try
        {
            TimeSpan pause = FirstPause;
            while (true)
            {
                running.RemoveWhere(task => task.IsCompleted);
                int free = Math.Min(concurrency - Volatile.Read(ref _active), ClaimsAtOnce);
                _isClaiming = true;
                // A drain either sees this, or is seen below.
                Interlocked.MemoryBarrier();
                IReadOnlyList<Claim> claims = free > 0 && !engine.IsDraining ? await ClaimAsync(free, cancellation).ConfigureAwait(false) : [];
                foreach (Claim claim in claims)
                {
                    Interlocked.Increment(ref _active);
                    running.Add(Task.Run(() => HandleAsync(claim), CancellationToken.None));
                }

                _isClaiming = false;

                if (claims.Count == free && free > 0)
                {
                    pause = FirstPause;
                    continue;
                }

                pause = claims.Count > 0 ? FirstPause : pause * 2 < engine.Options.IdlePoll ? pause * 2 : engine.Options.IdlePoll;
                await PauseAsync(free == 0 ? engine.Options.IdlePoll : pause, cancellation).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Stopping: handlers are cancelled by the same token and hand back what they hold.
        }

        await Task.WhenAll(running).ConfigureAwait(false);
    }

    private async Task HandleAsync(Claim claim)
    {
        try
        {
            await engine.HandleAsync(claim, receive).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _active);
            Wake();
        }
    }

    private async Task<IReadOnlyList<Claim>> ClaimAsync(int free, CancellationToken cancellation)
    {
        IEnumerable<string> hints = engine.OpenSlides().Take(HintsAtOnce);
        RedisResult answer = await engine.Link.CallAsync(
            LuaScript.Claim, cancellation,
            [pool, engine.Options.Holder, free, (long)engine.Options.Aging.TotalMicroseconds, .. hints]).ConfigureAwait(false);
        RedisResult[] claims = (RedisResult[])answer;
        if (claims.Length == 0 && pool == engine.Options.Pool && Volatile.Read(ref _active) == 0)
        {
            claims = (RedisResult[])await engine.Link.CallAsync(
                LuaScript.Steal, cancellation, pool, engine.Options.Holder, (long)engine.Options.Straggler.TotalMicroseconds).ConfigureAwait(false);
        }

        return [.. claims.Select(TryRead).OfType<Claim>()];
    }

    private Claim? TryRead(RedisResult claim)
    {
        string[] parts = RedisLink.Strings(claim);
        MeshMessage message;
        try
        {
            message = MessageJson.Read(parts[6]) with
            {
                Run = RedisEngine.RunShown(parts[0]),
                Attempt = int.Parse(parts[4], CultureInfo.InvariantCulture),
            };
        }
        catch (JsonException)
        {
            // Of another version: nobody keeps the claim alive, so that the message goes back for a node that knows it. No death is counted.
            return null;
        }

        return new Claim(pool, parts[0], parts[1], parts[2], parts[3], message, int.Parse(parts[5], CultureInfo.InvariantCulture), parts[7]);
    }

    private async Task PauseAsync(TimeSpan atMost, CancellationToken cancellation)
    {
        using CancellationTokenSource late = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        late.CancelAfter(atMost);
        try
        {
            await _wake.Reader.ReadAsync(late.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            // Nobody woke us: time to look again.
        }
    }
}
