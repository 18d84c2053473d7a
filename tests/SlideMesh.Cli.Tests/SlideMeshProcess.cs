using System.Collections.Concurrent;
using System.Diagnostics;
using System.Reflection;
using System.Text.Json;

namespace SlideMesh.Cli.Tests;

/// <param name="Events">Lines of standard output that are JSON objects, for runs with --json.</param>
internal sealed record CliResult(int ExitCode, string Out, string Error)
{
    public IReadOnlyList<JsonElement> Events =>
        [.. Out.Split('\n').Where(line => line.StartsWith('{')).Select(line => JsonSerializer.Deserialize<JsonElement>(line))];

    public IReadOnlyList<JsonElement> Named(string name) => [.. Events.Where(e => e.GetProperty("event").GetString() == name)];

    /// <summary>The exit code, and the whole of standard error where it is another.</summary>
    public CliResult Expect(int code)
    {
        Assert.True(code == ExitCode, $"exit code {ExitCode} instead of {code}\n{Error}\n{Out}");
        return this;
    }

    /// <summary>Standard error is one line for a person: no trace.</summary>
    public void ExpectOneLine(int code, string expected)
    {
        Expect(code);
        string line = Assert.Single(Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("slidemesh: ", line, StringComparison.Ordinal);
        Assert.Contains(expected, line, StringComparison.Ordinal);
    }
}

/// <summary>The built program, started as a user starts it.</summary>
internal sealed class SlideMeshProcess : IDisposable
{
    /// <summary>Far above what any run here takes: a run that hangs fails its test instead of the whole suite.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _out = new();
    private readonly ConcurrentQueue<string> _error = new();
    private readonly SemaphoreSlim _news = new(0);

    private SlideMeshProcess(ProcessStartInfo start)
    {
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Received(_out, line.Data);
        _process.ErrorDataReceived += (_, line) => Received(_error, line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>The checkout that these tests were built in.</summary>
    public static string Repository { get; } = FindRepository();

    public static string Program { get; } = Path.Combine(Repository, "src/SlideMesh.Cli/bin", Configuration, "net10.0/slidemesh.dll");

    private static string Configuration =>
        typeof(SlideMeshProcess).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;

    public static SlideMeshProcess Start(string folder, params string[] arguments) =>
        // Signals as at a terminal, also where the tests themselves run in the background.
        new(Prepare(folder, "env", ["--default-signal=INT,TERM", "dotnet", Program, .. arguments]));

    /// <summary>Under a limit of so many 1024-byte blocks a file, with EFBIG instead of the signal.</summary>
    public static CliResult RunLimited(string folder, int blocks, params string[] arguments)
    {
        ProcessStartInfo start = Prepare(
            folder, "bash", ["-c", "trap '' XFSZ; ulimit -f \"$0\"; exec dotnet \"$@\"", blocks.ToString(System.Globalization.CultureInfo.InvariantCulture), Program, .. arguments]);
        // The runtime maps its own code from a file of gigabytes, which the limit would forbid too.
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
        using SlideMeshProcess process = new(start);
        return process.WaitForEnd();
    }

    public static CliResult Run(string folder, params string[] arguments)
    {
        using SlideMeshProcess process = Start(folder, arguments);
        return process.WaitForEnd();
    }

    /// <summary>With further environment variables.</summary>
    public static CliResult RunWith(string folder, Dictionary<string, string> environment, params string[] arguments)
    {
        ProcessStartInfo start = Prepare(folder, "dotnet", [Program, .. arguments]);
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        using SlideMeshProcess process = new(start);
        return process.WaitForEnd();
    }

    public void Signal(string name) => Signal(name, _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture));

    public bool HasExited => _process.HasExited;

    /// <summary>To the process that works, of a node's two.</summary>
    public void SignalChild(string name) => Signal(name, Child);

    /// <summary>To both processes of a node.</summary>
    public void SignalBoth(string name) => Signal(name, _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture), Child);

    private string Child => Assert.Single(File.ReadAllText($"/proc/{_process.Id}/task/{_process.Id}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries));

    private static void Signal(string name, params string[] processes)
    {
        using Process kill = Process.Start("kill", [$"-{name}", .. processes]);
        kill.WaitForExit();
    }

    /// <summary>Waits until <paramref name="happened"/> holds for a JSON event or, between events, for the world.</summary>
    public void WaitUntil(Func<IReadOnlyList<JsonElement>, bool> happened)
    {
        long started = Stopwatch.GetTimestamp();
        while (!happened(Result(0).Events))
        {
            Assert.False(_process.HasExited, $"the run ended before the moment came\n{string.Join('\n', _error)}\n{string.Join('\n', _out)}");
            Assert.True(Stopwatch.GetElapsedTime(started) < Patience, "the moment never came");
            // Woken by output; else looks again at the files.
            _news.Wait(TimeSpan.FromMilliseconds(5));
        }
    }

    public void WaitForEvent(string name, int times = 1) =>
        WaitUntil(events => events.Count(e => e.GetProperty("event").GetString() == name) >= times);

    public CliResult WaitForEnd()
    {
        if (!_process.WaitForExit(Patience))
        {
            _process.Kill();
            _process.WaitForExit();
            Assert.Fail($"no end after {Patience}\n{string.Join('\n', _error)}\n{string.Join('\n', _out)}");
        }

        // Without a limit, so that the streams are read to their ends.
        _process.WaitForExit();
        return Result(_process.ExitCode);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
        _news.Dispose();
    }

    private static ProcessStartInfo Prepare(string folder, string program, IEnumerable<string> arguments)
    {
        ProcessStartInfo start = new(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment.Remove("SLIDEMESH_MODELS");
        start.Environment.Remove("OTEL_EXPORTER_OTLP_ENDPOINT");
        return start;
    }

    private static string FindRepository()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "SlideMesh.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new DirectoryNotFoundException("SlideMesh.sln is not above the tests");
    }

    private void Received(ConcurrentQueue<string> lines, string? line)
    {
        if (line is not null)
        {
            lines.Enqueue(line);
            _news.Release();
        }
    }

    private CliResult Result(int code) => new(code, string.Join('\n', _out), string.Join('\n', _error));
}
