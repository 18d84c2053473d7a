using System.Text;
using System.Text.Json;
using SlideMesh.Reporting.Json;

namespace SlideMesh.Reporting.Tests;

public sealed class ResultJsonTests
{
    [Fact]
    public void Predictions_read_back_make_the_same_bytes()
    {
        byte[] written = Bytes(s => ResultJson.Write(s, MadeUp.Summary()));
        SlideSummary read = ResultJson.ReadSummary(new MemoryStream(written));
        Assert.Equal(written, Bytes(s => ResultJson.Write(s, read)));
        Assert.Equal(MadeUp.Summary().Tasks[0].Final.Uncertainty, read.Tasks[0].Final.Uncertainty);
    }

    [Fact]
    public void Predictions_name_models_notices_and_evidence()
    {
        JsonElement root = JsonDocument.Parse(Bytes(s => ResultJson.Write(s, MadeUp.Summary()))).RootElement;
        Assert.Equal("slidemesh-predictions/1", root.GetProperty("format").GetString());
        Assert.Equal("done", root.GetProperty("state").GetString());
        Assert.Equal(64, root.GetProperty("models")[0].GetProperty("sha256").GetString()!.Length);
        Assert.True(root.GetProperty("models")[0].GetProperty("synthetic").GetBoolean());
        Assert.Equal("slide-head", root.GetProperty("models")[1].GetProperty("kind").GetString());
        Assert.Equal(6, root.GetProperty("evidence")[0].GetProperty("top").GetArrayLength());
        Assert.Equal(7, root.GetProperty("evidence")[0].GetProperty("quantiles").GetArrayLength());
        Assert.Equal("used", root.GetProperty("omics").GetProperty("status").GetString());
        Assert.Equal("vendor-property", root.GetProperty("micronsPerPixel").GetProperty("source").GetString());
        Assert.Equal(0.012, root.GetProperty("quality").GetProperty("penShares").GetProperty("blue").GetDouble());
    }

    [Fact]
    public void Predictions_of_another_version_are_refused() =>
        Assert.Throws<JsonException>(() => ResultJson.ReadSummary(new MemoryStream(Bytes(s => ResultJson.Write(s, MadeUp.Summary() with { Format = "slidemesh-predictions/9" })))));

    [Fact]
    public void Run_orders_parameters_by_name()
    {
        RunDocument run = new()
        {
            SoftwareVersion = "0.1.0",
            Parameters = new Dictionary<string, string> { ["overlap"] = "0", ["min-tissue"] = "0.3" },
            Models = MadeUp.Summary().Models,
            Slides = [new RunSlide("a", null, "a.svs", null)],
        };
        string json = Encoding.UTF8.GetString(Bytes(s => ResultJson.Write(s, run)));
        Assert.True(json.IndexOf("min-tissue", StringComparison.Ordinal) < json.IndexOf("overlap", StringComparison.Ordinal));
        Assert.EndsWith("}\n", json, StringComparison.Ordinal);
        Assert.Equal("a.svs", ResultJson.ReadRun(new MemoryStream(Encoding.UTF8.GetBytes(json))).Slides[0].Path);
    }

    [Fact]
    public void Quality_has_the_fields_of_the_documentation()
    {
        QualityDocument quality = new() { SoftwareVersion = "0.1.0", SlideId = "a", TissueMm2 = 26.6, TissuePieces = 2, Slide = MadeUp.Quality, Streams = MadeUp.Summary().Streams };
        byte[] written = Bytes(s => ResultJson.Write(s, quality));
        JsonElement root = JsonDocument.Parse(written).RootElement;
        Assert.Equal(["format", "softwareVersion", "slideId", "tissueMm2", "tissuePieces", "slide", "streams"], root.EnumerateObject().Select(p => p.Name));
        Assert.Equal(("slidemesh-qc/1", 26.6), (root.GetProperty("format").GetString(), root.GetProperty("tissueMm2").GetDouble()));
        Assert.Equal(0.012, root.GetProperty("slide").GetProperty("penShares").GetProperty("blue").GetDouble());
    }

    private static byte[] Bytes(Action<Stream> write)
    {
        using MemoryStream stream = new();
        write(stream);
        return stream.ToArray();
    }
}
