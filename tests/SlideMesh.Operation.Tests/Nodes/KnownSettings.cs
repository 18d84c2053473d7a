using System.Text.RegularExpressions;

namespace SlideMesh.Operation.Tests.Nodes;

/// <summary>Options and variables that mean something to a node.</summary>
internal static partial class KnownSettings
{
    /// <summary>Read by OpenTelemetry's SDK, by .NET or by NVIDIA's container runtime.</summary>
    private static readonly HashSet<string> Foreign =
    [
        "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_METRIC_EXPORT_INTERVAL", "OTEL_RESOURCE_ATTRIBUTES",
        "NVIDIA_DRIVER_CAPABILITIES", "NVIDIA_VISIBLE_DEVICES",
    ];

    /// <summary>All SLIDEMESH_… in string constants of src/, and those that are put together of a prefix and a name.</summary>
    public static IReadOnlySet<string> InCode { get; } = Directory.EnumerateFiles(Checkout.PathOf("src"), "*.cs", SearchOption.AllDirectories)
        .Where(file => !file.Contains("/obj/", StringComparison.Ordinal))
        .Select(File.ReadAllText)
        .SelectMany(code => Constant().Matches(code).Select(m => m.Groups[1].Value).Concat(Prefixed().Matches(code).Select(m => $"SLIDEMESH_{m.Groups[1].Value}")))
        .ToHashSet();

    public static bool Knows(string variable) => Foreign.Contains(variable) || ClusterPage.Variables.Contains(variable) || InCode.Contains(variable);

    /// <summary>The options in `slidemesh node --help`; null while the command has no such verb.</summary>
    public static IReadOnlySet<string>? NodeHelp()
    {
        string program = Path.Combine(AppContext.BaseDirectory, "slidemesh.dll");
        string verbs = Checkout.Run("dotnet", [program, "--help"]).Expect();
        return Verb().IsMatch(verbs)
            ? Option().Matches(Checkout.Run("dotnet", [program, "node", "--help"]).Expect()).Select(m => m.Value).ToHashSet()
            : null;
    }

    [GeneratedRegex("\"(SLIDEMESH_[A-Z_]+)\"")]
    private static partial Regex Constant();

    [GeneratedRegex("Variable\\(prefix, \"([A-Z]+)\"\\)")]
    private static partial Regex Prefixed();

    [GeneratedRegex(@"^\s+node\s", RegexOptions.Multiline)]
    private static partial Regex Verb();

    [GeneratedRegex("--[a-z][a-z-]+")]
    private static partial Regex Option();
}
