using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using SlideMesh.Mesh.Redis;

namespace SlideMesh.Mesh.Tests.Redis;

/// <summary>A redis-server of the tests' own, on a free loopback port, with an append-only file in a folder of its own.</summary>
public sealed class RedisServer : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("slidemesh-redis-");
    private readonly string[] _options;
    private Process? _process;
    private int _namespaces;

    public RedisServer()
        : this([])
    {
    }

    internal RedisServer(params string[] options)
    {
        _options = options;
        Port = FreePort();
        Start();
    }

    public int Port { get; }

    internal string Folder => _folder.FullName;

    /// <summary>Settings with a namespace that no other test uses.</summary>
    internal RedisSettings NewSettings() => new() { Address = $"127.0.0.1:{Port}", Namespace = $"t{Interlocked.Increment(ref _namespaces)}" };

    internal static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    internal void Start()
    {
        string[] port = _options.Contains("--tls-port") ? ["--port", "0"] : ["--port", $"{Port}"];
        _process = Process.Start(new ProcessStartInfo(
            "redis-server",
            [.. port, "--bind", "127.0.0.1", "--dir", _folder.FullName, "--appendonly", "yes", "--save", "", .. _options.Select(o => o.Replace("{port}", $"{Port}", StringComparison.Ordinal))])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        _process.OutputDataReceived += (_, _) => { };
        _process.BeginOutputReadLine();
        Stopwatch waited = Stopwatch.StartNew();
        while (!Answers())
        {
            Assert.True(waited.Elapsed < TimeSpan.FromSeconds(20) && !_process.HasExited, "redis-server did not start");
            Thread.Sleep(20);
        }
    }

    /// <summary>As by <c>kill -9</c>.</summary>
    internal void Kill()
    {
        _process!.Kill();
        _process.WaitForExit();
        _process.Dispose();
        _process = null;
    }

    public void Dispose()
    {
        if (_process is not null)
        {
            Kill();
        }

        _folder.Delete(recursive: true);
    }

    private bool Answers()
    {
        try
        {
            using TcpClient client = new();
            client.Connect(IPAddress.Loopback, Port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}

[CollectionDefinition(Name)]
public sealed class WithRedis : ICollectionFixture<RedisServer>
{
    public const string Name = "redis";
}
