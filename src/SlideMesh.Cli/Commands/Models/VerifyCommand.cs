using System.CommandLine;
using System.Globalization;
using SlideMesh.Cli.Display;
using SlideMesh.Inference.OnnxRuntime;
using SlideMesh.Inference.Packages;
using SlideMesh.Models.Packaging;

namespace SlideMesh.Cli.Commands.Models;

/// <summary><c>slidemesh model verify</c>: hashes, shapes, and what the graphs give for a fixed input.</summary>
internal static class VerifyCommand
{
    private const double UsualTolerance = 1e-4;

    public static Command Create()
    {
        Argument<string> package = new("package") { Description = "Folder or name of a package." };
        Option<string?> against = new("--against") { Description = "reference.json with what another program gives for the same input; differences beyond its tolerance are an error.", HelpName = "file" };
        Option<string?> write = new("--write-reference") { Description = "Write what this package gives as such a file.", HelpName = "file" };
        Command command = new("verify", $"Check a package: hashes, shapes, a fixed input's output.\n{ExitCode.Help}") { package, against, write };
        command.SetAction(parsed => Run(parsed.GetValue(package)!, parsed.GetValue(against), parsed.GetValue(write)));
        return command;
    }

    private static int Run(string reference, string? against, string? write)
    {
        ModelPackage package = PackageCatalog.Default().Load([reference]) is [var one] ? one : throw new CommandException($"{reference} holds several packages; name one");
        using OnnxRuntimeEngine engine = new();
        PackageCheck.Graphs(package, engine);
        IReadOnlyList<ProbeOutput> outputs = PackageProbe.Run(package, engine);
        Console.Out.WriteLine($"{package.Name} {package.Manifest.Version}: {package.Manifest.Files.Count} files match their hashes, {package.Manifest.Graphs.Count} graphs match model.json");
        TextTable table = new("output", "shape", "mean", "least", "largest");
        foreach (ProbeOutput output in outputs)
        {
            table.Add(output.Name, $"[{string.Join(", ", output.Shape)}]", Number(output.Values.Average()), Number(output.Values.Min()), Number(output.Values.Max()));
        }

        table.Write(Console.Out);
        if (outputs.FirstOrDefault(o => !o.Values.All(float.IsFinite)) is { } broken)
        {
            throw new CommandException($"{package.Name}: output '{broken.Name}' holds numbers that are not finite; the weights are damaged");
        }

        if (write is not null)
        {
            Write(write, outputs);
        }

        return against is null ? ExitCode.Success : Compare(ProbeReference.Read(against), outputs);
    }

    private static int Compare(ProbeReference reference, IReadOnlyList<ProbeOutput> outputs)
    {
        bool within = true;
        foreach ((string name, double difference) in reference.Compare(outputs))
        {
            bool fits = difference <= reference.Tolerance;
            within &= fits;
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: largest difference {difference:0.0e+0} {(fits ? "within" : "EXCEEDS")} {reference.Tolerance:0.0e+0}"));
        }

        return within ? ExitCode.Success : throw new CommandException("the package differs from the reference");
    }

    private static void Write(string path, IReadOnlyList<ProbeOutput> outputs)
    {
        try
        {
            ProbeReference.Write(path, outputs, UsualTolerance);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new PackageOutputException($"{path}: cannot be written: {e.Message}", e);
        }
    }

    private static string Number(float value) => value.ToString("0.#####", CultureInfo.InvariantCulture);
}
