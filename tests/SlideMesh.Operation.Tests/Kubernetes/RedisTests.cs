using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace SlideMesh.Operation.Tests.Kubernetes;

/// <summary>The container's own command and configuration, run here with its folders elsewhere.</summary>
[Collection(RenderedOnce.Name)]
public sealed class RedisTests(Renderings renderings)
{
    [Theory]
    [InlineData("small", false)]
    [InlineData("small with components", true)]
    public void Server_starts_as_in_its_pod_with_password_append_only_file_and_no_eviction(string overlay, bool tls)
    {
        using RedisPod pod = new(renderings[overlay]);
        pod.WaitUntilReady();

        Assert.Contains("NOAUTH", pod.Client([], tls, password: null), StringComparison.Ordinal);
        Assert.Equal("PONG", pod.Client(["ping"], tls));
        Assert.Equal("appendonly\nyes", pod.Client(["config", "get", "appendonly"], tls));
        Assert.Equal("maxmemory-policy\nnoeviction", pod.Client(["config", "get", "maxmemory-policy"], tls));
        long memory = long.Parse(pod.Client(["config", "get", "maxmemory"], tls).Split('\n')[1], CultureInfo.InvariantCulture);
        // Rewriting the append-only file doubles a part of the memory for a while.
        Assert.InRange(memory, 1, WorkloadTests.Bytes(pod.MemoryLimit) * 2 / 3);
        if (tls)
        {
            Assert.NotEqual("PONG", pod.Client(["ping"], tls: false));
        }

        Assert.True(Directory.EnumerateFiles(pod.Data, "*.aof*", SearchOption.AllDirectories).Any(), "no append-only file was written");
    }

    private sealed class RedisPod : IDisposable
    {
        private const string Password = "a-password-of-the-test";

        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("slidemesh-redis-");
        private readonly System.Diagnostics.Process _server;
        private readonly int _port = FreePort();

        public RedisPod(Rendering rendering)
        {
            Workload redis = rendering.Workloads.Single(w => w.Name == "slidemesh-redis");
            MemoryLimit = redis.Containers[0].Text("resources", "limits", "memory");
            foreach (string folder in new[] { "etc", "data", "redis", "redis-tls" })
            {
                _folder.CreateSubdirectory(folder);
            }

            string map = redis.Volumes.Single(v => v.Text("name") == "configuration").Text("configMap", "name")!;
            foreach ((string file, string content) in rendering.Find("ConfigMap", map)!.Json.Map("data"))
            {
                File.WriteAllText(Path.Combine(_folder.FullName, "etc", file), Here(content));
            }

            File.WriteAllText(Path.Combine(_folder.FullName, "redis/password"), Password);
            string certificates = Path.Combine(_folder.FullName, "redis-tls");
            Checkout.Run("sh", ["-ec", """
                cd "$0"
                openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test-authority -keyout ca.key -out ca.crt
                openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=slidemesh-redis -addext subjectAltName=DNS:slidemesh-redis -keyout tls.key -out tls.csr
                openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -copy_extensions copy -out tls.crt
                """, certificates]).Expect();

            string[] command = [.. redis.Containers[0].Items("command").Select(c => Here(c.ToString()))];
            _server = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            _server.BeginOutputReadLine();
            _server.BeginErrorReadLine();
        }

        public string? MemoryLimit { get; }

        public string Data => Path.Combine(_folder.FullName, "data");

        /// <summary>The readiness probe, until it says yes.</summary>
        public void WaitUntilReady()
        {
            string probe = Path.Combine(_folder.FullName, "etc/ping.sh");
            ProgramResult answer;
            long start = TimeProvider.System.GetTimestamp();
            do
            {
                answer = Checkout.Run("sh", [probe, "ready"]);
            }
            while (answer.ExitCode != 0 && !_server.HasExited && TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(20));
            answer.Expect();
        }

        /// <summary>What redis-cli prints, errors too.</summary>
        public string Client(IReadOnlyList<string> arguments, bool tls, string? password = Password)
        {
            string[] encrypted = tls ? ["--tls", "--cacert", Path.Combine(_folder.FullName, "redis-tls/ca.crt")] : [];
            ProgramResult answer = Checkout.Run(
                "redis-cli", ["-p", _port.ToString(CultureInfo.InvariantCulture), .. encrypted, .. arguments.Count == 0 ? ["ping"] : arguments], environment: password is null ? null : new Dictionary<string, string> { ["REDISCLI_AUTH"] = password });
            return (answer.Out + answer.Error).Trim();
        }

        public void Dispose()
        {
            if (!_server.HasExited)
            {
                _server.Kill();
                _server.WaitForExit();
            }

            _server.Dispose();
            _folder.Delete(recursive: true);
        }

        /// <summary>The pod's paths and port, as they are here. All else stays as rendered.</summary>
        private string Here(string text) => text
            .Replace("/etc/redis", Path.Combine(_folder.FullName, "etc"), StringComparison.Ordinal)
            .Replace("/run/secrets/slidemesh", _folder.FullName, StringComparison.Ordinal)
            .Replace("dir /data", $"dir {Data}", StringComparison.Ordinal)
            .Replace("redis-cli ", $"redis-cli -p {_port.ToString(CultureInfo.InvariantCulture)} ", StringComparison.Ordinal)
            .Replace("bind * -::*", "bind 127.0.0.1", StringComparison.Ordinal)
            .Replace("port 6379", $"port {_port.ToString(CultureInfo.InvariantCulture)}", StringComparison.Ordinal);

        private static int FreePort()
        {
            using TcpListener listener = new(IPAddress.Loopback, 0);
            listener.Start();
            return ((IPEndPoint)listener.LocalEndpoint).Port;
        }
    }
}
