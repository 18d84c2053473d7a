using System.Net;
using System.Text;
using SlideMesh.Mesh.Redis;

namespace SlideMesh.Mesh.Cluster;

/// <summary>Whether a node has started, lives, and may be given work.</summary>
internal sealed class NodeHealth(RedisEngine engine, RedisLink link, ClusterStore store)
{
    private static readonly TimeSpan Hung = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(15);

    public bool IsStarted { get; set; }

    /// <returns>Null for a path that is none.</returns>
    public (bool Good, string Line)? Examine(string path) => path switch
    {
        "/started" => (IsStarted && (HasAnswered |= link.IsConnected && link.Silence < LongestSilence), IsStarted ? "started" : "starting"),
        "/live" => IsAlive(),
        "/ready" => IsReady(),
        _ => null,
    };

    private bool HasAnswered { get; set; }

    /// <summary>While Redis is away, the heartbeat waits for it: that is no reason to be killed.</summary>
    private (bool, string) IsAlive() => !IsStarted || engine.SinceHeartbeat < Hung || !link.IsConnected
        ? (true, "live")
        : (false, $"no heartbeat for {engine.SinceHeartbeat.TotalSeconds:0} s");

    private (bool, string) IsReady() =>
        !IsStarted ? (false, "starting")
        : engine.IsDraining ? (false, "draining")
        : !link.IsConnected || link.Silence > LongestSilence ? (false, "redis does not answer")
        : !store.IsThere ? (false, "the store is not there")
        : (true, "ready");
}

/// <summary>
/// Answers <c>/started</c>, <c>/live</c> and <c>/ready</c> by HTTP. <see cref="HttpListener"/> instead of ASP.NET Core: three paths without
/// input do not pay for its start-up time and memory.
/// </summary>
internal sealed class HealthServer : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly NodeHealth _health;

    private HealthServer(string address, NodeHealth health)
    {
        _health = health;
        int colon = address.LastIndexOf(':');
        string host = colon < 0 ? "" : address[..colon];
        if (colon < 0 || !ushort.TryParse(address[(colon + 1)..], out ushort port) || port == 0)
        {
            throw new RedisUnusableException($"--health '{address}' is not ADDRESS:PORT, e.g. 0.0.0.0:8080");
        }

        _listener.Prefixes.Add($"http://{(host is "" or "0.0.0.0" or "[::]" or "*" ? "+" : host)}:{port}/");
    }

    /// <exception cref="RedisUnusableException">The address cannot be listened on.</exception>
    public static HealthServer Start(string address, NodeHealth health)
    {
        HealthServer server = new(address, health);
        try
        {
            server._listener.Start();
        }
        catch (Exception taken) when (taken is HttpListenerException or System.Net.Sockets.SocketException)
        {
            throw new RedisUnusableException($"--health '{address}' cannot be listened on: {taken.Message.TrimEnd('.')}; choose another port", taken);
        }

        _ = Task.Run(server.ServeAsync);
        return server;
    }

    public void Dispose() => _listener.Close();

    private async Task ServeAsync()
    {
        while (true)
        {
            HttpListenerContext request;
            try
            {
                request = await _listener.GetContextAsync().ConfigureAwait(false);
            }
            catch (Exception closed) when (closed is HttpListenerException or ObjectDisposedException or InvalidOperationException)
            {
                return;
            }

            try
            {
                Answer(request);
            }
            catch (Exception gone) when (gone is HttpListenerException or IOException or ObjectDisposedException or InvalidOperationException)
            {
                // Whoever asked did not wait for the answer.
            }
        }
    }

    private void Answer(HttpListenerContext request)
    {
        (bool Good, string Line)? found = _health.Examine(request.Request.Url?.AbsolutePath ?? "");
        using HttpListenerResponse response = request.Response;
        response.StatusCode = found is null ? 404 : found.Value.Good ? 200 : 503;
        response.ContentType = "text/plain; charset=utf-8";
        byte[] line = Encoding.UTF8.GetBytes((found?.Line ?? "ask for /started, /live or /ready") + "\n");
        response.ContentLength64 = line.Length;
        response.OutputStream.Write(line);
    }
}
