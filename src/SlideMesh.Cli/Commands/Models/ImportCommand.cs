using System.CommandLine;
using System.Text.Json;
using SlideMesh.Inference.OnnxRuntime;
using SlideMesh.Inference.Packages;
using SlideMesh.Models.Architectures;
using SlideMesh.Models.Packaging;

namespace SlideMesh.Cli.Commands.Models;

/// <summary><c>slidemesh model import</c>: a checkpoint, an ONNX file or a WSInfer folder → a package.</summary>
internal sealed class ImportCommand
{
    private readonly Argument<string> _source = new("checkpoint")
    {
        Description = "Safetensors or PyTorch checkpoint (zip or the older pickle), ONNX file, or WSInfer model folder. Nothing in it is run.",
    };

    private readonly Option<string> _out = new("--out", "-o") { Description = "Folder of the package; must not exist or be empty.", Required = true, HelpName = "folder" };

    private readonly Option<string?> _arch = new("--arch")
    {
        Description = $"Architecture. Default: recognised from the keys. One of {string.Join(", ", ArchitectureCatalog.All.Select(a => a.Name))}.",
        HelpName = "name",
    };

    private readonly Option<string[]> _classes = new("--classes")
    {
        Description = "Labels of the outputs, in their order (classes, genes, intervals of time and what lies beyond).",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "label",
    };

    private readonly Option<string?> _task = new("--task") { Description = "Task that the model answers, e.g. grade; becomes part of file names.", HelpName = "name" };

    private readonly Option<string?> _encoder = new("--encoder") { Description = "Heads: the encoder whose features it takes, a package or a name.", HelpName = "package" };

    private readonly Option<string?> _config = new("--config") { Description = "config.json that belongs to the weights (timm's form).", HelpName = "file" };

    private readonly Option<string[]> _set = new("--set") { Description = "Choices that the keys do not tell: name=value, e.g. heads=16.", AllowMultipleArgumentsPerToken = true, HelpName = "choice" };

    private readonly Option<string?> _also = new("--also") { Description = "A second checkpoint whose keys belong to the same model (MIL-RNN's tile classifier).", HelpName = "file" };

    private readonly Option<string?> _key = new("--key") { Description = "Where the state dict lies in the checkpoint, when not under state_dict, model_state_dict or model.", HelpName = "key" };

    private readonly Option<string?> _omics = new("--omics-features") { Description = "Heads with omics: CSV name,mean,std with a row for each omics input, in order.", HelpName = "file" };

    private readonly Option<int?> _tile = new("--tile-size") { Description = "Edge of the tiles it looks at, pixels.", HelpName = "px" };

    private readonly Option<double?> _mpp = new("--mpp") { Description = "Microns per pixel of these tiles.", HelpName = "um" };

    private readonly Option<float[]> _mean = new("--mean") { Description = "Mean of R, G, B that pixels are normalised with, 0 to 1.", AllowMultipleArgumentsPerToken = true, HelpName = "x" };

    private readonly Option<float[]> _std = new("--std") { Description = "Standard deviation of R, G, B.", AllowMultipleArgumentsPerToken = true, HelpName = "x" };

    private readonly Option<string?> _name = new("--name") { Description = "Name of the package. Default: that of its folder.", HelpName = "name" };

    private readonly Option<string> _version = new("--version-of-model") { Description = "Version of the model.", DefaultValueFactory = _ => "1.0.0", HelpName = "text" };

    private readonly Option<string?> _description = new("--description") { Description = "What the model is; shown beside every result.", HelpName = "text" };

    private readonly Option<string> _trainedOn = new("--trained-on") { Description = "What it was trained on; shown beside every result.", DefaultValueFactory = _ => "not stated", HelpName = "text" };

    private readonly Option<string> _use = new("--intended-use") { Description = "What it is for.", DefaultValueFactory = _ => "Research use only.", HelpName = "text" };

    private readonly Option<string> _licence = new("--licence") { Description = "Licence of the weights.", DefaultValueFactory = _ => "not stated", HelpName = "text" };

    private readonly Option<bool> _synthetic = new("--synthetic") { Description = "It was trained on synthetic slides." };

    public static Command Create()
    {
        ImportCommand import = new();
        Command command = new("import", $"Make a model package from a checkpoint, an ONNX file or a WSInfer model folder.\n{ExitCode.Help}");
        command.Arguments.Add(import._source);
        foreach (Option option in (Option[])
        [
            import._out, import._arch, import._classes, import._task, import._encoder, import._config, import._set, import._also, import._key,
            import._omics, import._tile, import._mpp, import._mean, import._std, import._name, import._version, import._description,
            import._trainedOn, import._use, import._licence, import._synthetic,
        ])
        {
            command.Options.Add(option);
        }

        command.SetAction(import.Run);
        return command;
    }

    private int Run(ParseResult parsed)
    {
        using OnnxRuntimeEngine engine = new();
        ImportResult result = ModelImporter.Import(Read(parsed), engine);
        ModelManifest model = result.Package.Manifest;
        Console.Out.WriteLine($"{model.Name} {model.Version} ({KebabCase.Of(model.Kind)}, {result.Architecture}): {model.Description}");
        Console.Out.WriteLine($"  folder   {result.Package.Folder}");
        Console.Out.WriteLine($"  SHA-256  {result.Package.Sha256}");
        foreach (string note in result.Notes)
        {
            Console.Error.WriteLine($"slidemesh: note: {note}");
        }

        return ExitCode.Success;
    }

    private ImportRequest Read(ParseResult parsed)
    {
        string source = parsed.GetValue(_source)!;
        if (source.StartsWith('-') && !Path.Exists(source))
        {
            throw new CommandException($"there is no option '{source}' (see 'slidemesh model import --help')");
        }

        return new ImportRequest
        {
            Source = source,
            Target = parsed.GetValue(_out)!,
            Architecture = parsed.GetValue(_arch),
            Also = parsed.GetValue(_also),
            Key = parsed.GetValue(_key),
            Encoder = parsed.GetValue(_encoder) is { } encoder ? Encoder(encoder) : null,
            OmicsFeatures = parsed.GetValue(_omics),
            Mean = parsed.GetValue(_mean) ?? [],
            Std = parsed.GetValue(_std) ?? [],
            Options = new ImportOptions
            {
                Classes = [.. (parsed.GetValue(_classes) ?? []).SelectMany(c => c.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))],
                Task = parsed.GetValue(_task),
                TileSizePx = parsed.GetValue(_tile),
                MicronsPerPixel = parsed.GetValue(_mpp),
                Config = parsed.GetValue(_config) is { } config ? Config(config) : null,
                Settings = (parsed.GetValue(_set) ?? []).Select(Setting).ToDictionary(s => s.Name, s => s.Value),
            },
            Identity = new PackageIdentity
            {
                Name = parsed.GetValue(_name),
                Version = parsed.GetValue(_version)!,
                Description = parsed.GetValue(_description),
                TrainedOn = parsed.GetValue(_trainedOn)!,
                IntendedUse = parsed.GetValue(_use)!,
                Licence = parsed.GetValue(_licence)!,
                Synthetic = parsed.GetValue(_synthetic),
            },
        };
    }

    /// <summary>A package that can be found gives its hash and its tiles; anything else is the name of one that a run will be given.</summary>
    private static EncoderChoice Encoder(string reference)
    {
        PackageCatalog catalog = PackageCatalog.Default();
        bool isThere = Directory.Exists(reference) || catalog.Available().Any(folder => Path.GetFileName(folder) == reference);
        return isThere ? EncoderChoice.Of(catalog.Load([reference])[0]) : new EncoderChoice(reference, null, null, null);
    }

    private static JsonElement Config(string path)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            return document.RootElement.ValueKind == JsonValueKind.Object ? document.RootElement.Clone() : throw new CommandException($"--config {path}: holds no JSON object");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CommandException($"--config {path}: does not exist; check the path");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new CommandException($"--config {path}: {e.Message}");
        }
    }

    private static (string Name, string Value) Setting(string text) => text.Split('=', 2) is [{ Length: > 0 } name, { Length: > 0 } value]
        ? (name, value)
        : throw new CommandException($"--set {text}: name=value is needed, e.g. heads=16");
}
