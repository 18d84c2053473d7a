using System.Diagnostics;
using System.Text.Json;
using SlideMesh.Synth;
using SlideMesh.Synth.Scenes;

namespace SlideMesh.Cli.Tests;

/// <summary>
/// A working folder with slides, made once for all tests, and the results of one undisturbed run over the good ones. The tests
/// run one after another: the moments that they wait for would blur if several runs shared the cores.
/// </summary>
public sealed class Workplace : IDisposable
{
    /// <summary>Names of the slides in <c>good/</c>.</summary>
    internal static readonly string[] Good = ["a", "b", "c"];

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("slidemesh-cli-");
    private readonly Lazy<OutputTree> _undisturbed;
    private readonly Lazy<OutputTree> _embedded;
    private int _outputs;

    public Workplace()
    {
        Make("good/a.tiff", new SlideParameters { Seed = 1, WidthPx = 1024, HeightPx = 1024 });
        Make("good/b.tiff", new SlideParameters { Seed = 2, WidthPx = 2048, HeightPx = 2048, MicronsPerPixel = 1 });
        Make("good/c.tiff", new SlideParameters { Seed = 3, WidthPx = 1280, HeightPx = 1024, Grade = 4 });
        _undisturbed = new Lazy<OutputTree>(() =>
        {
            SlideMeshProcess.Run(Root, "run", "good", "--out", "undisturbed", "--json").Expect(0);
            return new OutputTree(this["undisturbed"]);
        });
        _embedded = new Lazy<OutputTree>(() =>
        {
            SlideMeshProcess.Run(Root, ["embed", "good", "--out", "embedded", .. EmbedOptions, "--json"]).Expect(0);
            return new OutputTree(this["embedded"]);
        });
    }

    internal string Root => _folder.FullName;

    internal OutputTree Undisturbed => _undisturbed.Value;

    /// <summary>Every view that the demo models look at, in every format.</summary>
    internal static string[] EmbedOptions { get; } = ["--encoder", "demo-encoder", "--mpp", "0.5", "1", "2", "--write", "stamp", "clam-pt"];

    /// <summary>Features of the good slides.</summary>
    internal OutputTree Embedded => _embedded.Value;

    internal string this[string name] => Path.Combine(Root, name);

    /// <summary>Name of a folder that no other test uses, relative to <see cref="Root"/>.</summary>
    internal string NewOutput() => $"out{++_outputs}";

    internal OutputTree Tree(string output) => new(this[output]);

    internal void Make(string name, SlideParameters slide)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(this[name])!);
        SlideGenerator.Write(this[name], slide);
    }

    internal CliResult Run(params string[] arguments) => SlideMeshProcess.Run(Root, arguments);

    /// <summary>Runs a script of tests/SlideMesh.Reporting.Tests/Reference with Debian's Python, in <see cref="Root"/>.</summary>
    /// <returns>What it printed as JSON; undefined when it printed nothing.</returns>
    internal JsonElement Python(string script, params string[] arguments)
    {
        string path = Path.Combine(SlideMeshProcess.Repository, "tests/SlideMesh.Reporting.Tests/Reference", script);
        ProcessStartInfo start = new("/usr/bin/python3", [path, .. arguments]) { WorkingDirectory = Root, RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{script} failed: {errors.Result}");
        return output.Length == 0 ? default : JsonDocument.Parse(output).RootElement;
    }

    internal SlideMeshProcess Start(params string[] arguments) => SlideMeshProcess.Start(Root, arguments);

    public void Dispose() => _folder.Delete(recursive: true);
}

[CollectionDefinition(Name)]
public sealed class OneAfterAnother : ICollectionFixture<Workplace>
{
    public const string Name = "processes";
}
