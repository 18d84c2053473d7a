using System.Text.Json.Nodes;

namespace SlideMesh.Operation.Tests.Telemetry;

/// <summary>The way from a node's metrics to an alert: nodes → collector → Prometheus → rules.</summary>
public sealed class ConfigurationTests
{
    private const string Folder = "cluster-config/telemetry";

    private static readonly JsonObject Collector = YamlText.Document(Checkout.Read($"{Folder}/collector.yaml"));
    private static readonly JsonObject Prometheus = YamlText.Document(Checkout.Read($"{Folder}/prometheus.yaml"));
    private static readonly JsonObject Alerts = YamlText.Document(Checkout.Read($"{Folder}/alerts.yaml"));

    [Fact]
    public void Promtool_accepts_the_configuration_and_the_rules_fire_as_their_tests_say()
    {
        string promtool = Checkout.Tool("promtool");
        Checkout.Run(promtool, ["check", "config", Checkout.PathOf($"{Folder}/prometheus.yaml")]).Expect();
        Checkout.Run(promtool, ["check", "rules", Checkout.PathOf($"{Folder}/alerts.yaml")]).Expect();
        Checkout.Run(promtool, ["test", "rules", Checkout.PathOf($"{Folder}/alerts.test.yaml")]).Expect();
    }

    [Fact]
    public void Every_alert_is_shown_to_fire_and_to_be_silent_and_is_explained()
    {
        JsonObject shown = YamlText.Document(Checkout.Read($"{Folder}/alerts.test.yaml"));
        ILookup<string, bool> examples = shown.Items("tests").SelectMany(t => t.Items("alert_rule_test")).ToLookup(e => e.Text("alertname")!, e => e.Items("exp_alerts").Count > 0);
        IReadOnlyList<JsonNode> rules = [.. Alerts.Items("groups").SelectMany(g => g.Items("rules"))];
        Assert.NotEmpty(rules);
        foreach (JsonNode rule in rules)
        {
            string name = rule.Text("alert")!;
            Assert.True(examples[name].Contains(true) && examples[name].Contains(false), $"alerts.test.yaml does not show both sides of {name}");
            Assert.True(OperationsPage.HasHeading(name), $"docs/operations.md does not explain {name}");
            Assert.Equal($"docs/operations.md#{name.ToLowerInvariant()}", rule.Text("annotations", "runbook"));
            Assert.Contains(rule.Text("labels", "severity"), new[] { "critical", "warning" });
        }
    }

    [Fact]
    public void Collectors_pipelines_use_what_is_defined_and_define_what_is_used()
    {
        foreach (string kind in new[] { "receivers", "processors", "exporters" })
        {
            string[] used = [.. Collector.At("service", "pipelines")!.AsObject().SelectMany(p => p.Value.Items(kind)).Select(n => n.ToString()).Distinct().Order()];
            Assert.Equal(Collector.At(kind)!.AsObject().Select(p => p.Key).Order(), used);
        }

        Assert.Equal(Collector.At("extensions")!.AsObject().Select(p => p.Key), Collector.Items("service", "extensions").Select(n => n.ToString()));
        Assert.All(["metrics", "traces"], signal => Assert.Equal("otlp", Assert.Single(Collector.Items("service", "pipelines", signal, "receivers")).ToString()));
        Assert.Contains(Collector.Items("service", "pipelines", "metrics", "exporters"), e => e.ToString() == "prometheus");
    }

    [Fact]
    public void Prometheus_fetches_where_the_collector_serves_and_keeps_the_nodes_names()
    {
        JsonNode scrape = Assert.Single(Prometheus.Items("scrape_configs"));
        string target = Assert.Single(Assert.Single(scrape.Items("static_configs")).Items("targets")).ToString();
        Assert.Equal(Collector.Text("exporters", "prometheus", "endpoint")!.Split(':')[1], target.Split(':')[1]);
        Assert.True(scrape.Flag("honor_labels"));
        Assert.All(Prometheus.Items("rule_files"), file => Assert.True(File.Exists(Checkout.PathOf($"{Folder}/{file}")), $"prometheus.yaml names '{file}', which is not beside it"));
    }

    [Theory]
    [InlineData("cluster-config/node/coordinator-aggregator.env")]
    [InlineData("cluster-config/node/inference-cpu.env")]
    [InlineData("cluster-config/node/inference-gpu.env")]
    [InlineData("k8s/base/node.env")]
    public void Nodes_send_where_the_collector_listens_and_often_enough_not_to_be_forgotten(string file)
    {
        string[] lines = Checkout.Read(file).Split('\n');
        string endpoint = lines.Select(line => line.Split("http://")).Single(parts => parts.Length == 2 && parts[0].Contains('#'))[1];
        Assert.Equal(Collector.Text("receivers", "otlp", "protocols", "grpc", "endpoint")!.Split(':')[1], endpoint.Split(':')[^1]);
        int interval = int.Parse(lines.Single(l => l.StartsWith("OTEL_METRIC_EXPORT_INTERVAL=", StringComparison.Ordinal)).Split('=')[1], System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal("1m", Collector.Text("exporters", "prometheus", "metric_expiration"));
        Assert.True(interval * 3 <= 60_000, $"{file}: a node that reports every {interval} ms would be forgotten between two reports");
    }
}
