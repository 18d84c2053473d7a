using System.CommandLine;
using System.Globalization;
using SlideMesh.Cli.Display;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Cli.Commands;

/// <summary><c>slidemesh models [PACKAGE]</c>: the packages at hand, or one of them in full.</summary>
internal static class ModelsCommand
{
    public static Command Create()
    {
        Argument<string?> package = new("package")
        {
            Description = "Name or folder of a package: what it takes, gives and was trained on. Without it: a list.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        Command command = new("models", $"List the model packages at hand (search path: {PackageCatalog.Variable}, the program's models/, the checkout's tools/demo-models).") { package };
        command.SetAction(parsed => parsed.GetValue(package) is string name ? Show(name) : List());
        return command;
    }

    private static int List()
    {
        PackageCatalog catalog = PackageCatalog.Default();
        TextTable table = new("name", "version", "kind", "says", "tiles", "training data");
        int broken = 0;
        foreach (string folder in catalog.Available())
        {
            try
            {
                ModelManifest model = ModelPackage.Load(folder).Manifest;
                table.Add(model.Name, model.Version, KebabCase.Of(model.Kind), Says(model), View(model.Tile), model.Synthetic ? "synthetic slides" : model.TrainedOn);
            }
            catch (ModelPackageException unusable)
            {
                broken++;
                Console.Error.WriteLine($"slidemesh: {unusable.Message}");
            }
        }

        table.Write(Console.Out);
        return broken == 0 ? ExitCode.Success : ExitCode.BadInput;
    }

    private static int Show(string name)
    {
        if (name.StartsWith('-'))
        {
            throw new CommandException($"there is no option '{name}' (see 'slidemesh models --help')");
        }

        ModelPackage package = PackageCatalog.Default().Load([name]).Single();
        ModelManifest model = package.Manifest;
        TextWriter o = Console.Out;
        o.WriteLine($"{model.Name} {model.Version} ({KebabCase.Of(model.Kind)})");
        o.WriteLine($"  {model.Description}");
        o.WriteLine($"  folder        {package.Folder}");
        o.WriteLine($"  SHA-256       {package.Sha256}");
        o.WriteLine($"  tiles         {View(model.Tile)}");
        if (model.Encoder is { } encoder)
        {
            o.WriteLine($"  encoder       {encoder.Name}, {encoder.Dimension} features a tile");
        }

        foreach ((string role, GraphSpec graph) in model.Graphs.OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            o.WriteLine($"  graph         {role}: {graph.File}");
            o.WriteLine($"    takes       {string.Join(", ", graph.Inputs.Select(Describe))}");
            o.WriteLine($"    gives       {string.Join(", ", graph.Outputs.Select(Describe))}");
        }

        if (model.TileOutput is { } tile)
        {
            o.WriteLine($"  per tile      {tile.Task}: {string.Join(", ", tile.Labels)}");
        }

        foreach (TaskOutput output in model.Outputs)
        {
            string what = output.Type == OutputType.Regression ? $"{string.Join(", ", output.QuantityNames())} ({output.Unit})" : string.Join(", ", output.Labels);
            o.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  per slide     {output.Task} ({KebabCase.Of(output.Type)}): {what}"));
        }

        foreach (Covariate covariate in model.Covariates)
        {
            o.WriteLine($"  covariate     {covariate.Name}: {string.Join(", ", covariate.Values.Keys)}, or unknown");
        }

        o.WriteLine($"  trained on    {model.TrainedOn}");
        o.WriteLine($"  intended use  {model.IntendedUse}");
        o.WriteLine($"  licence       {model.Licence}");
        return ExitCode.Success;
    }

    private static string Says(ModelManifest model) => model.Kind == ModelKind.Encoder
        ? "features"
        : string.Join(", ", model.Outputs.Select(o => o.Task).Append(model.TileOutput?.Task).OfType<string>().Distinct());

    private static string View(TileView? view) => view is null
        ? "-"
        : string.Create(CultureInfo.InvariantCulture, $"{view.SizePx} px at {view.MicronsPerPixel} um/px{(view.OverlapPx > 0 ? $", overlap {view.OverlapPx}" : "")}");

    private static string Describe(TensorSpec tensor) => $"{tensor.Name} [{string.Join(", ", tensor.Shape.Select(d => d < 0 ? "N" : d.ToString(CultureInfo.InvariantCulture)))}]";
}
