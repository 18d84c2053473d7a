using SlideMesh.Inference.OnnxRuntime;
using SlideMesh.Inference.Packages;
using SlideMesh.Models.Architectures;
using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Packaging;

namespace SlideMesh.Models.Tests.Packaging;

public sealed class PackageBytesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly OnnxRuntimeEngine _engine = new();

    [Fact]
    public void Every_form_of_one_checkpoint_gives_the_same_bytes()
    {
        string safetensors = _folder.File("clam.safetensors");
        using (Checkpoint checkpoint = CheckpointReader.Open(ReferenceFolder.File("checkpoints", "clam.pt")))
        {
            SafetensorsFile.Write(safetensors, checkpoint.Tensors.Values);
        }

        string[] sources = [.. new[] { "clam.pt", "clam.legacy.pt", "clam-model.pt", "clam-model.legacy.pt", "clam.pt" }.Select(f => ReferenceFolder.File("checkpoints", f)), safetensors];
        string[] packages = [.. sources.Select((source, i) => Import(source, i.ToString()).Folder)];

        Assert.All(packages, package => Assert.Equal(Bytes(packages[0]), Bytes(package)));
        Assert.Equal(["bag.onnx", "instance.onnx", "model.json"], Bytes(packages[0]).Select(f => f.Name));
    }

    [Fact]
    public void A_package_has_what_the_user_said()
    {
        ModelManifest model = Import(ReferenceFolder.File("checkpoints", "clam.pt"), "said", new ImportOptions
        {
            Classes = ["LUAD", "LSCC"],
            Task = "subtype",
            TileSizePx = 224,
            MicronsPerPixel = 0.25,
        }).Manifest;

        TaskOutput output = Assert.Single(model.Outputs);
        Assert.Equal(("subtype", OutputType.Categorical, 0), (output.Task, output.Type, output.Attention));
        Assert.Equal(["LUAD", "LSCC"], output.Labels);
        Assert.Equal(new TileView(224, 0.25), model.Tile);
        Assert.Equal(new EncoderReference("encoder-12", null, 12), model.Encoder);
    }

    [Fact]
    public void What_training_alone_needs_is_named_as_not_used()
    {
        ImportResult result = ModelImporter.Import(
            new ImportRequest { Source = ReferenceFolder.File("checkpoints", "clam-training.pt"), Target = _folder.File("notes") }, _engine);

        Assert.Contains(result.Notes, n => n.StartsWith("not used: instance_classifiers.0.bias, instance_classifiers.0.weight, ", StringComparison.Ordinal));
        Assert.Contains("not used: instance_loss_fn.labels: part of the training loss", result.Notes);
    }

    [Fact]
    public void Wrong_choices_are_refused_and_leave_nothing_behind()
    {
        string source = ReferenceFolder.File("checkpoints", "clam.pt");

        Assert.Contains("names 3, this model has 2", Refused(source, new ImportOptions { Classes = ["a", "b", "c"] }), StringComparison.Ordinal);
        Assert.Contains("--set heads: clam-sb has no such choice", Refused(source, new ImportOptions { Settings = new Dictionary<string, string> { ["heads"] = "4" } }), StringComparison.Ordinal);
        Assert.Contains("--arch lenet is not known", Refused(source, new ImportOptions(), "lenet"), StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_folder_that_holds_something_is_not_written_to()
    {
        Directory.CreateDirectory(_folder.File("full"));
        File.WriteAllText(Path.Combine(_folder.File("full"), "mine.txt"), "");

        PackageOutputException failure = Assert.Throws<PackageOutputException>(() => Import(ReferenceFolder.File("checkpoints", "clam.pt"), "", folder: _folder.File("full")));

        Assert.Contains("exists already", failure.Message, StringComparison.Ordinal);
        Assert.Equal(["mine.txt"], Directory.EnumerateFiles(_folder.File("full")).Select(f => Path.GetFileName(f)));
    }

    public void Dispose()
    {
        _engine.Dispose();
        _folder.Dispose();
    }

    // The folder's own name, which names the package, is the same for all.
    private ModelPackage Import(string source, string below, ImportOptions? options = null, string? folder = null) =>
        ModelImporter.Import(new ImportRequest { Source = source, Target = folder ?? Path.Combine(_folder.Path, below, "clam"), Options = options ?? new ImportOptions() }, _engine).Package;

    private string Refused(string source, ImportOptions options, string? architecture = null) => Assert.Throws<ImportOptionException>(() =>
        ModelImporter.Import(new ImportRequest { Source = source, Target = _folder.File("refused"), Options = options, Architecture = architecture }, _engine)).Message;

    private static (string Name, string Bytes)[] Bytes(string folder) =>
        [.. Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal).Select(f => (Path.GetFileName(f), Convert.ToHexString(File.ReadAllBytes(f))))];
}
