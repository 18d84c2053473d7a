using System.Collections.Concurrent;
using SlideMesh.Mesh.Engine;

namespace SlideMesh.Mesh.Redis;

/// <summary>Keeps this node's claims alive, a third of the lease apart, and tells the holders of those that were taken over.</summary>
internal sealed class ClaimKeeper(RedisLink link, RedisEngineOptions options)
{
    /// <summary>Claims in one heartbeat script, so that none of them holds Redis up for long.</summary>
    private const int ClaimsAtOnce = 500;

    private readonly ConcurrentDictionary<Claim, byte> _held = new();
    private long _turned = TimeProvider.System.GetTimestamp();

    public int Count => _held.Count;

    public TimeSpan SinceTurn => TimeProvider.System.GetElapsedTime(Interlocked.Read(ref _turned));

    public void Add(Claim claim) => _held.TryAdd(claim, 0);

    public void Remove(Claim claim)
    {
        if (_held.TryRemove(claim, out _))
        {
            claim.Dispose();
        }
    }

    public IReadOnlyDictionary<string, int> CountByPool() =>
        _held.Keys.GroupBy(c => c.Pool, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Count(), StringComparer.Ordinal);

    public async Task RunAsync(CancellationToken cancellation)
    {
        try
        {
            while (true)
            {
                await BeatAsync([.. _held.Keys], cancellation).ConfigureAwait(false);
                Interlocked.Exchange(ref _turned, TimeProvider.System.GetTimestamp());
                await Task.Delay(options.Lease / 3, cancellation).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Stopping.
        }
    }

    /// <exception cref="ClaimLostException">The claim is not this node's any more.</exception>
    public async Task ConfirmAsync(Claim claim, CancellationToken cancellation)
    {
        string[] lost = RedisLink.Strings(await link.CallAsync(LuaScript.Beat, cancellation, [options.Node, options.Holder, .. claim.Arguments]).ConfigureAwait(false));
        if (lost.Length > 0)
        {
            throw new ClaimLostException();
        }
    }

    private async Task BeatAsync(Claim[] claims, CancellationToken cancellation)
    {
        for (int first = 0; first == 0 || first < claims.Length; first += ClaimsAtOnce)
        {
            Claim[] some = [.. claims.Skip(first).Take(ClaimsAtOnce)];
            string[] lost = RedisLink.Strings(
                await link.CallAsync(LuaScript.Beat, cancellation, [options.Node, options.Holder, .. some.SelectMany(c => c.Arguments)]).ConfigureAwait(false));
            foreach (string position in lost)
            {
                Claim claim = some[int.Parse(position, System.Globalization.CultureInfo.InvariantCulture) - 1];
                // Gone from the keeper: finished while the heartbeat was on its way.
                if (_held.ContainsKey(claim) && !claim.IsSettled)
                {
                    try
                    {
                        claim.Lose();
                    }
                    catch (ObjectDisposedException)
                    {
                        // As above.
                    }
                }
            }
        }
    }
}
