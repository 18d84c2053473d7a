using System.CommandLine;
using SlideMesh.Mesh.Cohort;

namespace SlideMesh.Cli.Commands;

/// <summary>How verbs are told which slides: paths, or a manifest.</summary>
internal sealed class InputOptions
{
    public Argument<string[]> Inputs { get; } = new("slides")
    {
        Description = "Slide files, folders (searched to any depth) or globs in quotes ('scans/**/*.svs').",
        Arity = ArgumentArity.ZeroOrMore,
    };

    public Option<string?> Manifest { get; } = new("--manifest", "-m")
    {
        Description = "CSV with a column 'slide' and any of slide_id, case_id, mpp, omics_id, sex, labels; paths are relative to it. Without 'slide', files are found by slide_id.",
        HelpName = "cohort.csv",
    };

    public Option<double?> DefaultMpp { get; } = new("--default-mpp")
    {
        Description = "Microns per level-0 pixel for slides that neither the manifest nor the file tells; without it such slides fail.",
        HelpName = "um",
    };

    public void AddTo(Command command)
    {
        command.Arguments.Add(Inputs);
        command.Options.Add(Manifest);
        command.Options.Add(DefaultMpp);
    }

    /// <param name="except">Folder in which searches find nothing: the results.</param>
    /// <exception cref="CohortException">Nothing usable was named.</exception>
    public IReadOnlyList<CohortEntry> Read(ParseResult parsed, string? except = null)
    {
        string[] inputs = parsed.GetValue(Inputs) ?? [];
        string? manifest = parsed.GetValue(Manifest);
        RefuseUnknown(parsed, inputs);
        return (inputs.Length, manifest) switch
        {
            (0, null) => throw new CohortException("no slides given: name files or folders, or a --manifest"),
            ( > 0, not null) => throw new CohortException("give either slides or a --manifest, not both"),
            (0, _) => CohortReader.FromManifest(manifest!),
            _ => CohortReader.FromPaths(inputs, except),
        };
    }

    /// <summary>The parser takes an option that it does not know for one more input.</summary>
    /// <exception cref="CommandException">One of <paramref name="inputs"/> is no path but looks like an option.</exception>
    public static void RefuseUnknown(ParseResult parsed, string[] inputs)
    {
        if (inputs.FirstOrDefault(input => input.StartsWith('-') && !Path.Exists(input)) is { } unknown)
        {
            throw new CommandException($"there is no option '{unknown}' (see 'slidemesh {parsed.CommandResult.Command.Name} --help')");
        }
    }

    public double? ReadDefaultMpp(ParseResult parsed)
    {
        double? mpp = parsed.GetValue(DefaultMpp);
        return mpp is null or (>= 0.02 and <= 20)
            ? mpp
            : throw new CommandException($"--default-mpp {mpp} lies outside of 0.02 to 20 µm per pixel");
    }
}
