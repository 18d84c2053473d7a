using System.Diagnostics;
using System.Diagnostics.Metrics;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using SlideMesh.Mesh.Stages;

namespace SlideMesh.Mesh.Telemetry;

/// <summary>
/// Traces and metrics of the stages. Names follow OpenTelemetry's conventions; units are UCUM. Nothing identifies a patient:
/// spans carry slide ids only.
/// </summary>
public sealed class MeshTelemetry : IDisposable
{
    public const string SourceName = "SlideMesh.Mesh";

    private readonly Meter _meter = new(SourceName);
    private readonly Histogram<double> _duration;
    private readonly Counter<long> _bytes;
    private readonly Counter<long> _tiles;
    private readonly Counter<long> _slides;
    private readonly Counter<double> _decoder;

    public MeshTelemetry()
    {
        _duration = _meter.CreateHistogram<double>("slidemesh.stage.duration", "s", "Duration of one execution of a stage");
        _bytes = _meter.CreateCounter<long>("slidemesh.stage.bytes", "By", "Bytes written to the output store by a stage");
        _tiles = _meter.CreateCounter<long>("slidemesh.tiles", "{tile}", "Tiles by outcome");
        _decoder = _meter.CreateCounter<double>("slidemesh.decoder.time", "s", "Time of decoding threads by activity");
        _slides = _meter.CreateCounter<long>("slidemesh.slides", "{slide}", "Slides by state");
    }

    public ActivitySource Source { get; } = new(SourceName);

    /// <summary>Adds a gauge for the number of shards that wait.</summary>
    public void ObserveQueue(Func<int> queued) =>
        _meter.CreateObservableGauge("slidemesh.queue.depth", queued, "{shard}", "Shards waiting for the inference pool");

    /// <inheritdoc cref="DeviceInstruments"/>
    public void ObserveDevices(DeviceFleet fleet)
    {
        ArgumentNullException.ThrowIfNull(fleet);
        DeviceInstruments.Add(_meter, () => fleet.Devices);
    }

    public void StageDone(string stage, TimeSpan duration, long bytes)
    {
        KeyValuePair<string, object?> tag = new("slidemesh.stage", stage);
        _duration.Record(duration.TotalSeconds, tag);
        if (bytes > 0)
        {
            _bytes.Add(bytes, tag);
        }
    }

    public void TilesDone(string outcome, long count) => _tiles.Add(count, new KeyValuePair<string, object?>("slidemesh.tile.outcome", outcome));

    public void DecoderTime(string activity, TimeSpan spent) =>
        _decoder.Add(spent.TotalSeconds, new KeyValuePair<string, object?>("slidemesh.decoder.activity", activity));

    public void SlideDone(string state) => _slides.Add(1, new KeyValuePair<string, object?>("slidemesh.slide.state", state));

    public void Dispose()
    {
        Source.Dispose();
        _meter.Dispose();
    }
}

/// <summary>Sends traces and metrics by OTLP for as long as it lives; inert unless <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> is set.</summary>
public sealed class OtlpExport : IDisposable
{
    private const string EndpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT";

    // The default boundaries suit milliseconds: nearly every duration here, a device run as well as a merge, would lie in "up to 5".
    private static readonly double[] SecondsBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900];

    private readonly TracerProvider? _traces;
    private readonly MeterProvider? _metrics;

    private OtlpExport(TracerProvider? traces, MeterProvider? metrics)
    {
        _traces = traces;
        _metrics = metrics;
    }

    /// <param name="instance">Name of the node in a cluster; null for a run on one machine.</param>
    /// <param name="roles">Its roles.</param>
    public static OtlpExport Start(string softwareVersion, string? instance = null, string? roles = null)
    {
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable(EndpointVariable)))
        {
            return new OtlpExport(null, null);
        }

        ResourceBuilder resource = ResourceBuilder.CreateDefault().AddService("slidemesh", serviceVersion: softwareVersion, serviceInstanceId: instance);
        if (roles is not null)
        {
            resource.AddAttributes([new KeyValuePair<string, object>("slidemesh.roles", roles)]);
        }

        TracerProvider traces = Sdk.CreateTracerProviderBuilder()
            .SetResourceBuilder(resource)
            .AddSource("SlideMesh.*")
            .AddOtlpExporter()
            .Build();
        MeterProvider metrics = Sdk.CreateMeterProviderBuilder()
            .SetResourceBuilder(resource)
            .AddMeter("SlideMesh.*")
            .AddView(instrument => instrument is Histogram<double> { Unit: "s" } ? new ExplicitBucketHistogramConfiguration { Boundaries = SecondsBoundaries } : null)
            .AddOtlpExporter()
            .Build();
        return new OtlpExport(traces, metrics);
    }

    /// <summary>Flushes what is buffered, at most a few seconds, so that a stopped collector does not hold the exit.</summary>
    public void Dispose()
    {
        _traces?.ForceFlush(2000);
        _metrics?.ForceFlush(2000);
        _traces?.Dispose();
        _metrics?.Dispose();
    }
}
