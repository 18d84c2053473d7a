using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace SlideMesh.Cli.Tests;

/// <summary>With OTEL_EXPORTER_OTLP_ENDPOINT set, traces and metrics reach a collector (here: a listener on the loopback interface).</summary>
[Collection(OneAfterAnother.Name)]
public sealed class TelemetryTests(Workplace workplace)
{
    [Fact]
    public async Task Traces_and_metrics_are_exported_by_OTLP()
    {
        int port = FreePort();
        using HttpListener collector = new();
        collector.Prefixes.Add($"http://127.0.0.1:{port}/");
        collector.Start();
        ConcurrentQueue<(string Path, string Body)> received = new();
        Task listening = Task.Run(() => Receive(collector, received));

        string output = workplace.NewOutput();
        SlideMeshProcess.RunWith(
            workplace.Root,
            new() { ["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"http://127.0.0.1:{port}", ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf" },
            "run", "good/a.tiff", "--out", output, "--quiet").Expect(0);
        collector.Stop();
        await listening;

        string traces = string.Concat(received.Where(r => r.Path == "/v1/traces").Select(r => r.Body));
        string metrics = string.Concat(received.Where(r => r.Path == "/v1/metrics").Select(r => r.Body));
        Assert.All(["run", "plan", "tissue", "shard", "merge", "predict", "report", "slidemesh.slide.id"], span => Assert.Contains(span, traces, StringComparison.Ordinal));
        Assert.All(
            ["slidemesh.stage.duration", "slidemesh.stage.bytes", "slidemesh.tiles", "slidemesh.slides", "slidemesh.decoder.time", "slidemesh.inference.device.busy", "slidemesh.inference.device.wait"],
            metric => Assert.Contains(metric, metrics, StringComparison.Ordinal));
        // Boundaries of durations are in seconds: 0.25 and 0.5 stand side by side, as they do not among OpenTelemetry's own.
        Assert.Contains(Encoding.Latin1.GetString([.. BitConverter.GetBytes(0.25), .. BitConverter.GetBytes(0.5)]), metrics, StringComparison.Ordinal);
        Assert.DoesNotContain(workplace.Root, traces + metrics, StringComparison.Ordinal);
    }

    private static void Receive(HttpListener collector, ConcurrentQueue<(string Path, string Body)> received)
    {
        try
        {
            while (true)
            {
                HttpListenerContext request = collector.GetContext();
                using MemoryStream body = new();
                request.Request.InputStream.CopyTo(body);
                received.Enqueue((request.Request.Url!.AbsolutePath, Encoding.Latin1.GetString(body.ToArray())));
                request.Response.Close();
            }
        }
        catch (Exception stopped) when (stopped is HttpListenerException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private static int FreePort()
    {
        using TcpListener probe = new(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
