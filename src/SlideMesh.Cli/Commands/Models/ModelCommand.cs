using System.CommandLine;

namespace SlideMesh.Cli.Commands.Models;

/// <summary><c>slidemesh model import|verify|bench</c>: packages from checkpoints, their check and their speed.</summary>
internal static class ModelCommand
{
    public static Command Create() => new("model", "Make, check and measure model packages: import, verify, bench.")
    {
        ImportCommand.Create(),
        VerifyCommand.Create(),
        BenchCommand.Create(),
    };
}
