using System.Text.Json;
using SlideMesh.Inference.OnnxRuntime;
using SlideMesh.Inference.Packages;
using SlideMesh.Models.Architectures;
using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Packaging;
using SlideMesh.Models.Tests.Encoders;

namespace SlideMesh.Models.Tests.Packaging;

/// <summary>Folders as WSInfer's zoo has them.</summary>
public sealed class WsinferFolderTests : IDisposable
{
    private const string Config = """
        {"spec_version": "1.0", "architecture": "resnet18", "num_classes": 2, "class_names": ["notumor", "tumor"], "patch_size_pixels": 350, "spacing_um_px": 0.25,
         "transform": [{"name": "Resize", "arguments": {"size": 224}}, {"name": "ToTensor"}, {"name": "Normalize", "arguments": {"mean": [0.7, 0.5, 0.6], "std": [0.1, 0.2, 0.3]}}]}
        """;

    private readonly TemporaryFolder _folder = new();
    private readonly OnnxRuntimeEngine _engine = new();

    [Fact]
    public void A_zoo_folder_becomes_a_tile_classifier_at_the_size_that_the_model_sees()
    {
        ModelPackage package = Import(Config);

        ModelManifest model = package.Manifest;
        Assert.Equal(ModelKind.TileClassifier, model.Kind);
        Assert.Equal(224, model.Tile!.SizePx);
        Assert.Equal(0.25 * 350 / 224, model.Tile.MicronsPerPixel, 1e-12);
        Assert.Equal([0.7f, 0.5f, 0.6f], model.Normalisation!.Mean);
        Assert.Equal(["notumor", "tumor"], model.TileOutput!.Labels);
        ProbeOutput scores = Assert.Single(PackageProbe.Run(package, _engine));
        Assert.Equal(1, scores.Values[0] + scores.Values[1], 1e-5);
    }

    [Theory]
    [InlineData("state-dict", "pytorch_model.bin")]
    [InlineData("torchscript", "torchscript_model.pt")]
    public void A_zoo_folder_with_PyTorchs_own_weights_gives_PyTorchs_probabilities(string form, string weights)
    {
        string zoo = ReferenceFolder.File("wsinfer", form);
        Assert.True(File.Exists(Path.Combine(zoo, weights)));

        ModelPackage package = ModelImporter.Import(
            new ImportRequest
            {
                Source = zoo,
                Target = _folder.File("package"),
                Options = new ImportOptions { Settings = new Dictionary<string, string> { ["heads"] = "2" } },
            },
            _engine).Package;

        using JsonDocument expected = JsonDocument.Parse(File.ReadAllBytes(ReferenceFolder.File("expected", "wsinfer.json")));
        ProbeOutput probabilities = Assert.Single(PackageProbe.Run(package, _engine));
        Assert.Equal([2, 2], probabilities.Shape);
        Assert.All(
            expected.RootElement.GetProperty("probabilities").EnumerateArray().Select(v => v.GetDouble()).Zip(probabilities.Values),
            pair => Assert.Equal(pair.First, pair.Second, 1e-5));
        Assert.Equal(0.25 * 64 / 32, package.Manifest.Tile!.MicronsPerPixel, 1e-12);
        Assert.Equal([0.1f, 0.2f, 0.3f], package.Manifest.Normalisation!.Std);
    }

    [Fact]
    public void A_folder_without_weights_or_configuration_is_refused()
    {
        string zoo = _folder.File("bare");
        Directory.CreateDirectory(zoo);
        ImportRequest request = new() { Source = zoo, Target = _folder.File("package") };

        Assert.Contains(
            "holds none of model.safetensors, pytorch_model.bin, torchscript_model.pt", Assert.Throws<CheckpointException>(() => ModelImporter.Import(request, _engine)).Message, StringComparison.Ordinal);
        File.Copy(ReferenceFolder.File("wsinfer", "state-dict", "pytorch_model.bin"), Path.Combine(zoo, "pytorch_model.bin"));
        Assert.Contains("has no config.json", Assert.Throws<CheckpointException>(() => ModelImporter.Import(request, _engine)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"spec_version\": \"1.0\"", "\"spec_version\": \"2.0\"", "has spec_version '2.0'; 1.0 is read")]
    [InlineData("\"resnet18\"", "\"vgg16mod\"", "is a 'vgg16mod', which is not known")]
    [InlineData("\"num_classes\": 2", "\"num_classes\": 3", "names 2 classes and counts 3")]
    [InlineData("\"ToTensor\"", "\"Rotate\"", "transforms pixels by 'Rotate'")]
    [InlineData("\"class_names\"", "\"classes\"", "is no configuration of WSInfer's zoo")]
    public void What_is_not_known_is_refused_by_name(string text, string instead, string words)
    {
        CheckpointException failure = Assert.Throws<CheckpointException>(() => Import(Config.Replace(text, instead, StringComparison.Ordinal)));

        Assert.Contains(words, failure.Message, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _engine.Dispose();
        _folder.Dispose();
    }

    private ModelPackage Import(string config)
    {
        string zoo = _folder.File("zoo");
        Directory.CreateDirectory(zoo);
        File.WriteAllText(Path.Combine(zoo, "config.json"), config);

        // The zoo's models have a layer for their two classes.
        IEnumerable<CheckpointTensor> tensors = EncoderCase.Load("resnet18").Tensors.Values.Where(t => !t.Name.StartsWith("fc.", StringComparison.Ordinal))
            .Concat([FormulaWeights.Tensor("fc.weight", [2, 512], 1), FormulaWeights.Tensor("fc.bias", [2], 1)]);
        SafetensorsFile.Write(Path.Combine(zoo, "model.safetensors"), tensors);
        return ModelImporter.Import(new ImportRequest { Source = zoo, Target = _folder.File("package") }, _engine).Package;
    }
}
