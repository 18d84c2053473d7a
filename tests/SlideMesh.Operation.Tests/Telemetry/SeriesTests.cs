using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace SlideMesh.Operation.Tests.Telemetry;

/// <summary>A query over a metric that does not exist shows nothing and never alerts: every name is one that the program exports.</summary>
public sealed partial class SeriesTests
{
    [Fact]
    public void Documented_metrics_are_the_ones_in_the_code()
    {
        Assert.True(ClusterPage.Metrics.Count >= 14, "the table of docs/cluster.md was not understood");
        Assert.All(ClusterPage.Metrics, documented => Assert.Contains(documented, InstrumentsInCode.All));
    }

    [Theory]
    [InlineData("alerts.yaml")]
    [InlineData("dashboard.json")]
    public void Queries_name_series_and_labels_that_exist(string file)
    {
        IReadOnlyList<string> queries = Queries(file);
        Assert.True(queries.Count >= 9, $"{file} has {queries.Count} queries only");
        foreach (string query in queries)
        {
            string[] series = [.. Word().Matches(query).Select(m => m.Value).Where(word => !IsLabel(word))];
            Assert.True(series.Length > 0, $"'{query}' asks for nothing of ours");
            Assert.All(series, name => Assert.True(ClusterPage.Metrics.Any(m => m.Prometheus == name), $"{file} asks for '{name}', which docs/cluster.md does not list"));
            foreach (Match selection in Selection().Matches(query))
            {
                string[] known = Attributes(selection.Groups["series"].Value);
                Assert.All(
                    Label().Matches(selection.Groups["labels"].Value).Select(m => m.Groups[1].Value),
                    label => Assert.True(known.Contains(label), $"{file} selects '{selection.Groups["series"].Value}' by '{label}', which it does not have"));
            }
        }
    }

    [Fact]
    public void Dashboard_reads_from_its_variables_and_panels_do_not_overlap()
    {
        JsonNode board = JsonNode.Parse(Checkout.Read("cluster-config/telemetry/dashboard.json"))!;
        string[] variables = [.. board.Items("templating", "list").Select(v => v.Text("name")!)];
        Assert.All(Used().Matches(board.ToJsonString()).Select(m => m.Groups[1].Value).Where(name => !name.StartsWith("__", StringComparison.Ordinal)), name => Assert.Contains(name, variables));

        IReadOnlyList<JsonNode> panels = board.Items("panels");
        Assert.Equal(panels.Count, panels.Select(p => p.Number("id")).Distinct().Count());
        HashSet<(long, long)> taken = [];
        foreach (JsonNode panel in panels)
        {
            (long x, long y, long w, long h) = (Side(panel, "x"), Side(panel, "y"), Side(panel, "w"), Side(panel, "h"));
            Assert.True(x + w <= 24, $"'{panel.Text("title")}' is wider than the board");
            for (long i = 0; i < w * h; i++)
            {
                Assert.True(taken.Add((x + (i % w), y + (i / w))), $"'{panel.Text("title")}' lies over another panel");
            }
        }

        static long Side(JsonNode panel, string side) => panel.Number("gridPos", side)!.Value;
    }

    private static IReadOnlyList<string> Queries(string file)
    {
        string text = Checkout.Read($"cluster-config/telemetry/{file}");
        JsonNode root = file.EndsWith(".json", StringComparison.Ordinal) ? JsonNode.Parse(text)! : YamlText.Document(text);
        return [.. root.All().Select(n => n.Text("expr")).OfType<string>()];
    }

    private static bool IsLabel(string word) => ClusterPage.Attributes.Values.Any(attributes => attributes.Contains(word));

    /// <summary>A series' own attributes, and those that every series has: the node's name.</summary>
    private static string[] Attributes(string series) =>
        [.. ClusterPage.Attributes[ClusterPage.Metrics.Single(m => m.Prometheus == series).Name], "instance", "job"];

    [GeneratedRegex(@"\bslidemesh_\w+")]
    private static partial Regex Word();

    [GeneratedRegex(@"(?<series>slidemesh_\w+)\{(?<labels>[^}]*)\}")]
    private static partial Regex Selection();

    [GeneratedRegex(@"(\w+)\s*(?:=~|!~|!=|=)")]
    private static partial Regex Label();

    [GeneratedRegex(@"\$\{?(\w+)")]
    private static partial Regex Used();
}
