using System.Text.RegularExpressions;

namespace SlideMesh.Operation.Tests;

/// <summary>What docs/operations.md tells an operator to make by hand, because it must not or cannot lie in k8s/.</summary>
internal static partial class OperationsPage
{
    private static readonly string Page = Checkout.Read("docs/operations.md");

    private static readonly string[] Manifests =
        [.. YamlBlock().Matches(Page).Select(block => block.Groups["yaml"].Value.Replace($"\n{block.Groups["indent"].Value}", "\n", StringComparison.Ordinal))];

    /// <summary>Secrets that a documented `kubectl create secret generic` makes, with their keys.</summary>
    public static ILookup<string, string> Secrets { get; } = SecretCommand().Matches(Page)
        .SelectMany(command => SecretKey().Matches(command.Groups[2].Value).Select(key => (Name: command.Groups[1].Value, Key: key.Groups[1].Value)))
        .ToLookup(s => s.Name, s => s.Key);

    /// <summary>Volume claims that a documented manifest makes.</summary>
    public static IReadOnlySet<string> Claims { get; } = Manifests.SelectMany(YamlText.Documents)
        .Where(o => o.Text("kind") == "PersistentVolumeClaim").Select(o => o.Text("metadata", "name")!).ToHashSet();

    /// <summary>Overlays of a site's own that the page shows, which lie in a folder beside k8s/.</summary>
    public static IReadOnlyList<string> Kustomizations { get; } = [.. Manifests.Where(yaml => yaml.Contains("kind: Kustomization", StringComparison.Ordinal))];

    /// <summary>Whether the page has a heading with exactly this text.</summary>
    public static bool HasHeading(string text) => Page.Split('\n').Any(line => line.TrimStart('#') == $" {text}" && line.StartsWith('#'));

    [GeneratedRegex(@"kubectl[^\n]* create secret generic (\S+)([^\n]*)")]
    private static partial Regex SecretCommand();

    [GeneratedRegex(@"--from-(?:literal|file)=([^\s=]+)")]
    private static partial Regex SecretKey();

    /// <summary>Within a list a block is indented, with its fence.</summary>
    [GeneratedRegex("^(?<indent> *)```yaml(?<yaml>\n.*?\n) *```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex YamlBlock();
}
