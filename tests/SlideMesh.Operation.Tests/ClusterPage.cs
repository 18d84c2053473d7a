using System.Text.RegularExpressions;

namespace SlideMesh.Operation.Tests;

/// <param name="Name">As the code names it, e.g. <c>slidemesh.backlog.age</c>.</param>
/// <param name="Kind">gauge, counter or histogram.</param>
/// <param name="Unit">UCUM, e.g. <c>s</c> or <c>{shard}</c>.</param>
/// <param name="Prometheus">The series' name in Prometheus.</param>
internal sealed record MetricRow(string Name, string Kind, string Unit, string Prometheus);

/// <summary>What docs/cluster.md promises: the settings, paths, keys and metrics that operation files may rely on.</summary>
internal static partial class ClusterPage
{
    private static readonly string Page = Checkout.Read("docs/cluster.md");

    /// <summary>Options of `slidemesh node`, with those that every verb of the cluster takes.</summary>
    public static IReadOnlySet<string> NodeOptions { get; } = Cells("## Settings", "### Verbs").SelectMany(row => OptionPattern().Matches(row[0]).Select(m => m.Value)).ToHashSet();

    public static IReadOnlySet<string> Variables { get; } = Cells("## Settings", "### Verbs").SelectMany(row => VariablePattern().Matches(row[1]).Select(m => m.Value)).ToHashSet();

    public static IReadOnlySet<string> HealthPaths { get; } = Cells("## Health", "## Scaling").Select(row => row[0].Trim('`')).Where(p => p.StartsWith('/')).ToHashSet();

    public static IReadOnlyList<MetricRow> Metrics { get; } =
        [.. Cells("## Telemetry", "## Redis").Where(row => row[0].StartsWith("`slidemesh.", StringComparison.Ordinal))
            .Select(row => new MetricRow(row[0].Trim('`'), row[1], row[2].Trim('`'), InCode().Match(row[4]).Groups[1].Value))];

    /// <summary>A metric's attributes, as Prometheus names them.</summary>
    public static IReadOnlyDictionary<string, IReadOnlySet<string>> Attributes { get; } = Cells("## Telemetry", "## Redis")
        .Where(row => row[0].StartsWith("`slidemesh.", StringComparison.Ordinal))
        .ToDictionary(row => row[0].Trim('`'), row => (IReadOnlySet<string>)InCodeDotted().Matches(row[3]).Select(m => m.Groups[1].Value.Replace('.', '_')).ToHashSet());

    /// <summary>A pool's list of waiting shards, with the namespace's and the pool's place.</summary>
    public static string BacklogKey(string ns, string pool)
    {
        const string Pattern = "**`<namespace>:backlog:<pool>`**";
        Assert.Contains(Pattern, Page, StringComparison.Ordinal);
        return Pattern.Trim('*', '`').Replace("<namespace>", ns, StringComparison.Ordinal).Replace("<pool>", pool, StringComparison.Ordinal);
    }

    /// <summary>The cells of all table rows between two headings.</summary>
    private static IEnumerable<string[]> Cells(string from, string to)
    {
        int start = Page.IndexOf(from, StringComparison.Ordinal);
        int end = Page.IndexOf(to, StringComparison.Ordinal);
        Assert.True(start >= 0 && end > start, $"docs/cluster.md has no '{from}' before '{to}'");
        return Page[start..end].Split('\n').Where(line => line.StartsWith('|')).Select(line => line.Trim()[1..^1].Split('|', StringSplitOptions.TrimEntries));
    }

    [GeneratedRegex("--[a-z][a-z-]+")]
    private static partial Regex OptionPattern();

    [GeneratedRegex("SLIDEMESH_[A-Z_]+")]
    private static partial Regex VariablePattern();

    [GeneratedRegex("`([a-z.]+)`")]
    private static partial Regex InCodeDotted();

    [GeneratedRegex("`([a-z_]+)`")]
    private static partial Regex InCode();
}
