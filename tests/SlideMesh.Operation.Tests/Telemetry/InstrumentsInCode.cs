using System.Text.RegularExpressions;

namespace SlideMesh.Operation.Tests.Telemetry;

/// <summary>The metrics that the program creates, read from src/: some only exist while a run or a node does.</summary>
internal static partial class InstrumentsInCode
{
    public static IReadOnlyList<MetricRow> All { get; } = [.. Directory.EnumerateFiles(Checkout.PathOf("src"), "*.cs", SearchOption.AllDirectories)
        .Where(file => !file.Contains("/obj/", StringComparison.Ordinal))
        .SelectMany(file => Creation().Matches(File.ReadAllText(file)))
        .Select(Row).Distinct()];

    private static MetricRow Row(Match creation)
    {
        string kind = creation.Groups["kind"].Value.Replace("Observable", "", StringComparison.Ordinal).Replace("UpDownCounter", "up-down counter", StringComparison.Ordinal).ToLowerInvariant();
        string name = creation.Groups["name"].Value;
        string unit = Unit().Match(creation.Groups["rest"].Value).Groups[1].Value;
        return new MetricRow(name, kind, unit, Prometheus(name, kind, unit));
    }

    /// <summary>As the collector's Prometheus exporter translates: unit written out, "_ratio" for a gauge of 1, "_total" for a counter, "_bucket" for a histogram.</summary>
    private static string Prometheus(string name, string kind, string unit)
    {
        string translated = name.Replace('.', '_');
        string word = unit switch
        {
            "s" => "seconds",
            "By" => "bytes",
            "1" => kind == "gauge" ? "ratio" : "",
            _ when unit.StartsWith('{') => "",
            _ => throw new InvalidOperationException($"the unit '{unit}' of {name} has no translation here"),
        };
        if (word.Length > 0 && !translated.Split('_').Contains(word))
        {
            translated += $"_{word}";
        }

        return translated + kind switch { "counter" => "_total", "histogram" => "_bucket", _ => "" };
    }

    [GeneratedRegex(@"Create(?<kind>Histogram|ObservableGauge|(Observable)?(UpDown)?Counter)(<\w+>)?\(\s*""(?<name>slidemesh\.[a-z._]+)""(?<rest>[^;]*);")]
    private static partial Regex Creation();

    /// <summary>The first text after the name, which a callback may stand between.</summary>
    [GeneratedRegex(@",\s*""([^""]*)""")]
    private static partial Regex Unit();
}
