namespace SlideMesh.Cli;

/// <summary>Exit codes of every verb; listed in the help and in the README.</summary>
internal static class ExitCode
{
    /// <summary>Everything asked for was done.</summary>
    public const int Success = 0;

    /// <summary>A defect in SlideMesh itself; the stack trace is in run.log.</summary>
    public const int InternalError = 1;

    /// <summary>Arguments, manifest, models or inputs that cannot be used; nothing was computed.</summary>
    public const int BadInput = 2;

    /// <summary>The run finished, but some slides failed; they are named with reasons.</summary>
    public const int SomeFailed = 3;

    /// <summary>The output folder cannot be written or is full.</summary>
    public const int OutputUnusable = 4;

    /// <summary>Something that SlideMesh needs is missing on this machine (<c>slidemesh doctor</c> says what).</summary>
    public const int Environment = 5;

    /// <summary>Stopped by Ctrl-C or SIGTERM; the same command resumes.</summary>
    public const int Interrupted = 130;

    public const string Help = """
        Exit codes: 0 all done; 2 bad input, nothing computed; 3 some slides failed (named with reasons);
        4 output folder cannot be written; 5 something is missing on this machine (see 'slidemesh doctor');
        130 stopped (the same command resumes); 1 internal error.
        """;
}
