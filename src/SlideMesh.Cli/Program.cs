using System.CommandLine;
using System.Globalization;
using SlideMesh.Cli;
using SlideMesh.Cli.Commands;
using SlideMesh.Cli.Commands.Models;
using SlideMesh.Mesh.Runs;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;

RootCommand root = new("""
    SlideMesh: whole-slide images in; grade, tumour mutational burden and tumour origin out, with heatmaps.
    Research use only: not a medical device.
    """)
{
    RunCommand.Create(),
    EmbedCommand.Create(),
    PredictCommand.Create(),
    InspectCommand.Create(),
    ModelsCommand.Create(),
    ModelCommand.Create(),
    DoctorCommand.Create(),
    NodeCommand.Create(),
    SubmitCommand.Create(),
};
foreach (Command verb in (Command[])[.. RunVerbs.Create(), .. NodeVerbs.Create()])
{
    root.Subcommands.Add(verb);
}

ParseResult parsed = root.Parse(args);
if (parsed.CommandResult.Command is RootCommand)
{
    // The list of verbs takes a line each; a verb's own help has the rest.
    foreach (Command verb in root.Subcommands)
    {
        verb.Description = verb.Description?.Split('\n')[0].TrimEnd();
    }
}

if (args.Length == 0)
{
    root.Parse("--help").Invoke();
    return ExitCode.BadInput;
}

if (parsed.Errors.Count > 0)
{
    Console.Error.WriteLine(ParseErrors.Describe(parsed));
    return ExitCode.BadInput;
}

try
{
    // Ctrl-C and SIGTERM cancel the token; a verb that does not stop within this time is ended by force.
    return await parsed.InvokeAsync(new InvocationConfiguration
    {
        EnableDefaultExceptionHandler = false,
        // A node drains within a time of its own.
        ProcessTerminationTimeout = parsed.CommandResult.Command.Name == "node" ? TimeSpan.FromHours(1) : TimeSpan.FromSeconds(5),
    }).ConfigureAwait(false);
}
#pragma warning disable CA1031 // The process's boundary: a user sees one line, a script an exit code.
catch (Exception failure)
#pragma warning restore CA1031
{
    int? code = UserError.Explain(failure, Console.Error);
    if (code is null)
    {
        Console.Error.WriteLine($"slidemesh: this is a defect in SlideMesh {SoftwareVersion.Current}; please report it with the following trace");
        Console.Error.WriteLine(failure);
    }

    return code ?? ExitCode.InternalError;
}
