using System.Globalization;
using System.Text.RegularExpressions;

namespace SlideMesh.Operation.Tests.Nodes;

/// <summary>The files of cluster-config/node, read as systemd and as docker read them.</summary>
public sealed partial class NodeFileTests
{
    private const string Folder = "cluster-config/node";
    private const string Unit = $"{Folder}/slidemesh@.service";

    private static readonly string[] Names = [.. Directory.EnumerateFiles(Checkout.PathOf(Folder), "*.env").Select(file => Path.GetFileName(file)).Order()];

    public static TheoryData<string> Files => [.. Names];

    [Fact]
    public void There_is_a_file_for_every_role() =>
        Assert.Equal(
            ["coordinator,aggregator", "inference on cpu", "inference on cuda:0"],
            Names.Select(Read).Select(v => v["SLIDEMESH_ROLE"] + (v.TryGetValue("SLIDEMESH_DEVICE", out string? device) ? $" on {device}" : "")).Order(StringComparer.Ordinal));

    /// <summary>docker takes quotes and blanks for a part of the value, systemd does not.</summary>
    [Theory, MemberData(nameof(Files))]
    public void File_means_the_same_to_systemd_and_docker(string file)
    {
        foreach (string line in Checkout.Read($"{Folder}/{file}").TrimEnd('\n').Split('\n'))
        {
            Assert.True(line.Length == 0 || line[0] == '#' || PlainSetting().IsMatch(line), $"{file}: '{line}' is read differently by systemd and docker");
        }
    }

    [Theory, MemberData(nameof(Files))]
    public void Settings_are_known_also_those_that_wait_to_be_uncommented(string file)
    {
        string[] names = [.. Checkout.Read($"{Folder}/{file}").Split('\n').Select(line => Setting().Match(line)).Where(m => m.Success).Select(m => m.Groups[1].Value)];
        Assert.Equal(names.Length, names.Distinct().Count());
        Assert.All(names, name => Assert.True(KnownSettings.Knows(name), $"{file} sets {name}, which nobody reads"));
        Assert.Contains("SLIDEMESH_STORE", names);
        Assert.DoesNotContain("SLIDEMESH_REDIS_PASSWORD", names);
    }

    [Theory, MemberData(nameof(Files))]
    public void Unit_waits_longer_than_the_node_drains(string file)
    {
        int grace = int.Parse(Read(file)["SLIDEMESH_GRACE"], CultureInfo.InvariantCulture);
        Assert.True(int.Parse(InUnit("TimeoutStopSec"), CultureInfo.InvariantCulture) >= grace + 15, $"{Unit} kills a node of {file} before its grace is over");
    }

    [Fact]
    public void Unit_runs_a_node_without_rights_that_can_write_where_its_files_say()
    {
        Assert.Equal("/opt/slidemesh/slidemesh node", InUnit("ExecStart"));
        Assert.Equal("/etc/slidemesh/%i.env", InUnit("EnvironmentFile"));
        Assert.NotEqual("root", InUnit("User"));
        Assert.Equal("SIGTERM", InUnit("KillSignal"));
        Assert.Equal("", InUnit("CapabilityBoundingSet"));
        Assert.Equal("strict", InUnit("ProtectSystem"));
        foreach (Dictionary<string, string> settings in Names.Select(Read))
        {
            Assert.Equal(InUnit("ReadWritePaths"), settings["SLIDEMESH_STORE"]);
            Assert.StartsWith($"/var/cache/{InUnit("CacheDirectory")}/", settings["SLIDEMESH_MODELS_CACHE"], StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Health_ports_of_nodes_on_one_machine_differ()
    {
        string[] ports = [.. Names.Select(file => Read(file)["SLIDEMESH_HEALTH"])];
        Assert.Equal(ports.Length, ports.Distinct().Count());
    }

    /// <summary>What the page promises and these tests go by is what the command says of itself.</summary>
    [Fact]
    public void Command_knows_the_options_and_variables_that_the_page_lists()
    {
        IReadOnlySet<string>? help = KnownSettings.NodeHelp();
        Assert.True(help is not null, "the command has no verb 'node'");
        Assert.All(ClusterPage.NodeOptions, option => Assert.Contains(option, help));
        // The file's variable is put together in the code.
        Assert.All(ClusterPage.Variables, variable => Assert.Contains(variable.Replace("_PASSWORD_FILE", "_PASSWORD", StringComparison.Ordinal), KnownSettings.InCode));
    }

    /// <summary>A setting of the unit, with its section's other lines ignored.</summary>
    private static string InUnit(string name) => Assert.Single(Checkout.Read(Unit).Split('\n'), line => line.StartsWith($"{name}=", StringComparison.Ordinal))[(name.Length + 1)..];

    private static Dictionary<string, string> Read(string file) => Checkout.Read($"{Folder}/{file}").Split('\n').Where(line => line.Length > 0 && line[0] != '#')
        .Select(line => line.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);

    [GeneratedRegex(@"^[A-Z_]+=[^\s""'\\$#]*$")]
    private static partial Regex PlainSetting();

    [GeneratedRegex(@"^#?([A-Z][A-Z_]+)=")]
    private static partial Regex Setting();
}
