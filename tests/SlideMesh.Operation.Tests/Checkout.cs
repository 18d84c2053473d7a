using System.Diagnostics;
using System.Runtime.InteropServices;

namespace SlideMesh.Operation.Tests;

/// <summary>The checkout that these tests were built in: its files are what is tested here.</summary>
internal static class Checkout
{
    public static string Root { get; } = Find();

    public static string PathOf(string relative) => Path.Combine(Root, relative);

    public static string Read(string relative) => File.ReadAllText(PathOf(relative));

    /// <summary>A program that tools/setup.sh --tests put into .native/, else the one on PATH.</summary>
    public static string Tool(string name)
    {
        string rid = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "linux-arm64" : "linux-x64";
        string local = PathOf($".native/{rid}/{name}");
        return File.Exists(local) ? local : name;
    }

    /// <summary>Runs a program to its end. A missing one fails the test and says what to do.</summary>
    public static ProgramResult Run(string program, IReadOnlyList<string> arguments, string? input = null, IReadOnlyDictionary<string, string>? environment = null)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Root,
        };
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            throw new InvalidOperationException($"'{program}' cannot be started ({missing.Message}): run tools/setup.sh --tests", missing);
        }

        using (process)
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            Task<string> error = process.StandardError.ReadToEndAsync();
            process.StandardInput.Write(input ?? "");
            process.StandardInput.Close();
            if (!process.WaitForExit(TimeSpan.FromSeconds(60)))
            {
                process.Kill(entireProcessTree: true);
                throw new TimeoutException($"'{program} {string.Join(' ', arguments)}' did not end within a minute");
            }

            return new ProgramResult(process.ExitCode, output.GetAwaiter().GetResult(), error.GetAwaiter().GetResult());
        }
    }

    private static string Find()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "SlideMesh.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new DirectoryNotFoundException("SlideMesh.sln is not above the tests");
    }
}

internal sealed record ProgramResult(int ExitCode, string Out, string Error)
{
    public string Expect(int code = 0)
    {
        Assert.True(ExitCode == code, $"exit code {ExitCode} instead of {code}\n{Error}\n{Out}");
        return Out;
    }
}
