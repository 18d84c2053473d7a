using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using SlideMesh.Mesh.Cluster;
using SlideMesh.Mesh.Redis;

namespace SlideMesh.Cli.Commands;

/// <summary>
/// A node is two processes: one that works, and its parent, which does nothing but wait for its end. A child that a signal ended under its
/// parent's eyes (a crash in a native library, or the system for want of memory) may have died of what it held, and the parent says so in Redis.
/// When both are gone at once, the machine is lost or somebody ended the node by force, which says nothing about a slide.
/// </summary>
internal static class NodeWatch
{
    public const string LifeOption = "--life";

    // Numbers of signals, the same on every Linux and macOS.
    private const int HangUp = 1;
    private const int Interrupt = 2;
    private const int Quit = 3;
    private const int Terminated = 15;

    /// <summary>A process that a signal ended has this and the signal's number as its exit code.</summary>
    private const int SignalBase = 128;

    /// <summary>How long a Redis that is away is waited for; nobody is taken for dead meanwhile.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>
    /// Runs the node as a child with the same arguments, tells it to stop on SIGTERM and Ctrl-C, and ends with its exit code. The child is told through
    /// its standard input and not by a signal: those sent to the whole process group, as a terminal and some supervisors do, reach it by themselves.
    /// </summary>
    /// <param name="isUnnamed">The node's name was made up here, and the child has to be told.</param>
    public static async Task<int> RunAsync(NodeOptions options, bool isUnnamed, Action<string> tell, CancellationToken cancellation)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!) { RedirectStandardInput = true };
        string[] line = Environment.GetCommandLineArgs();
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
        {
            start.ArgumentList.Add(Assembly.GetEntryAssembly()!.Location);
        }

        foreach (string argument in line.Skip(1))
        {
            start.ArgumentList.Add(argument);
        }

        if (isUnnamed)
        {
            start.Environment["SLIDEMESH_NODE_NAME"] = options.Engine.Node;
        }

        start.ArgumentList.Add(LifeOption);
        start.ArgumentList.Add(options.Engine.Life);
        using Process child = Process.Start(start)!;
        // The runtime sends SIGTERM's and SIGINT's cancellation here; the child drains in its own time.
        using CancellationTokenRegistration stopping = cancellation.Register(() => TellToStop(child));
        await child.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        int code = child.ExitCode;
        if (cancellation.IsCancellationRequested && code is SignalBase + Terminated or SignalBase + Interrupt)
        {
            // The signal met the child before it listened, or after it had drained: it held nothing.
            return ExitCode.Success;
        }

        if (IsCrash(code))
        {
            string how = string.Create(CultureInfo.InvariantCulture, $"signal {code - SignalBase}");
            tell($"node {options.Engine.Node} was ended by {how}: what it held counts a death");
            await ReportAsync(options, how, tell).ConfigureAwait(false);
        }

        return code;
    }

    /// <summary>
    /// In the child: whatever its parent writes to its standard input tells it to stop. That input ends when the parent does, by whatever force: nobody
    /// would watch over the child any more, and it ends at once.
    /// </summary>
    public static void HearParent(Action stop)
    {
        Thread watch = new(() =>
        {
            Span<byte> word = stackalloc byte[16];
            using Stream parent = Console.OpenStandardInput();
            while (parent.Read(word) > 0)
            {
                stop();
            }

            Process.GetCurrentProcess().Kill();
        })
        {
            IsBackground = true,
            Name = "hear parent",
        };
        watch.Start();
    }

    /// <summary>Ended by a signal other than those by which people and systems end a process in peace.</summary>
    internal static bool IsCrash(int code) =>
        code > SignalBase && code < SignalBase + 65 && (code - SignalBase) is not (HangUp or Interrupt or Quit or Terminated);

    private static void TellToStop(Process child)
    {
        try
        {
            child.StandardInput.BaseStream.WriteByte(0);
            child.StandardInput.BaseStream.Flush();
        }
        catch (Exception ended) when (ended is IOException or InvalidOperationException)
        {
            // It has ended already.
        }
    }

    private static async Task ReportAsync(NodeOptions options, string how, Action<string> tell)
    {
        using CancellationTokenSource late = new(Patience);
        try
        {
            RedisLink link = await RedisLink.ConnectAsync(options.Redis).ConfigureAwait(false);
            await using ConfiguredAsyncDisposable closing = link.ConfigureAwait(false);
            await new RunBoard(link).CrashedAsync(options.Engine.Node, options.Engine.Life, how, late.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            tell("redis does not answer: the crash counts as a lost node");
        }
    }
}
