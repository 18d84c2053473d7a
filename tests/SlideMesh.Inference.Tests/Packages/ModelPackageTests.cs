using System.Text.Json.Nodes;
using SlideMesh.Inference.OnnxRuntime;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Inference.Tests.Packages;

public sealed class ModelPackageTests : IDisposable
{
    private readonly ScratchFolder _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void Load_reads_every_reference_package() => Assert.Equal(6, ReferencePackages.LoadAll().Count);

    [Fact]
    public void Sha256_does_not_depend_on_white_space_or_member_order()
    {
        string folder = ReferencePackages.CopyOf("ref-encoder", _scratch);
        string before = ModelPackage.Load(folder).Sha256;
        ManifestEdit.Replace(folder, "\"sizePx\": 32,\n    \"micronsPerPixel\": 0.5,", "\"micronsPerPixel\": 0.5, \"sizePx\":32,");

        Assert.Equal(before, ModelPackage.Load(folder).Sha256);
        ManifestEdit.Replace(folder, "\"version\": \"1.0.0\"", "\"version\": \"1.0.1\"");
        Assert.NotEqual(before, ModelPackage.Load(folder).Sha256);
    }

    [Fact]
    public void Folder_without_a_manifest_is_refused() => AssertRefused(_scratch.Path, "model.json");

    [Fact]
    public void Changed_file_is_refused_by_its_hash()
    {
        string folder = ReferencePackages.CopyOf("ref-encoder", _scratch);
        string graph = Path.Combine(folder, "tile.onnx");
        byte[] bytes = File.ReadAllBytes(graph);
        bytes[^1] ^= 1;
        File.WriteAllBytes(graph, bytes);

        AssertRefused(folder, "tile.onnx", "SHA-256");
    }

    [Fact]
    public void Truncated_file_is_refused_by_its_length()
    {
        string folder = ReferencePackages.CopyOf("ref-encoder", _scratch);
        string graph = Path.Combine(folder, "tile.onnx");
        File.WriteAllBytes(graph, File.ReadAllBytes(graph)[..100]);

        AssertRefused(folder, "tile.onnx", "100 bytes");
    }

    [Fact]
    public void Missing_file_is_refused()
    {
        string folder = ReferencePackages.CopyOf("ref-encoder", _scratch);
        File.Delete(Path.Combine(folder, "tile.onnx"));

        AssertRefused(folder, "'tile.onnx' is missing");
    }

    [Theory]
    [InlineData("weights.bin")]
    [InlineData("extra/weights.bin")]
    [InlineData("README/weights.bin")]
    [InlineData("model.json.bak")]
    public void File_that_is_not_listed_is_refused(string path)
    {
        string folder = ReferencePackages.CopyOf("ref-encoder", _scratch);
        string file = Path.Combine(folder, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, "weights");

        AssertRefused(folder, "'ref-encoder'", $"'{path.Split('/')[0]}', which 'files' does not list");
    }

    [Fact]
    public void Readme_and_licence_need_no_listing()
    {
        string folder = ReferencePackages.CopyOf("ref-encoder", _scratch);
        File.WriteAllText(Path.Combine(folder, "README.md"), "read me");
        File.WriteAllText(Path.Combine(folder, "LICENSE"), "free");

        Assert.Equal("ref-encoder", ModelPackage.Load(folder).Name);
    }

    [Fact]
    public void Graph_with_its_weights_beside_it_needs_them_listed()
    {
        string folder = Path.Combine(ReferencePackages.Root, "tests", "SlideMesh.Inference.Tests", "Graphs", "external");
        using OnnxRuntimeEngine engine = new();
        Assert.Single(PipelineResolver.Resolve([ModelPackage.Load(folder)], engine).Streams);

        string copy = Directory.CreateDirectory(Path.Combine(_scratch.Path, "external")).FullName;
        foreach (string file in Directory.EnumerateFiles(folder))
        {
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        }

        byte[] weights = File.ReadAllBytes(Path.Combine(copy, "LICENSE.weights"));
        weights[0] ^= 1;
        File.WriteAllBytes(Path.Combine(copy, "LICENSE.weights"), weights);
        AssertRefused(copy, "'LICENSE.weights' has SHA-256");

        string manifest = Path.Combine(copy, ModelPackage.ManifestFileName);
        string[] lines = [.. File.ReadAllLines(manifest).Where(line => !line.Contains("LICENSE.weights", StringComparison.Ordinal))];
        File.WriteAllLines(manifest, lines);
        AssertRefused(copy, "graph file 'tile.onnx' keeps data in 'LICENSE.weights', which 'files' does not list");
    }

    [Fact]
    public void Link_out_of_the_package_is_refused()
    {
        string folder = ReferencePackages.CopyOf("ref-encoder", _scratch);
        string graph = Path.Combine(folder, "tile.onnx");
        File.Move(graph, Path.Combine(_scratch.Path, "elsewhere.onnx"));
        File.CreateSymbolicLink(graph, Path.Combine(_scratch.Path, "elsewhere.onnx"));

        AssertRefused(folder, "'tile.onnx' is a link");
    }

    [Fact]
    public void File_behind_a_linked_folder_is_refused()
    {
        string folder = ReferencePackages.CopyOf("ref-encoder", _scratch);
        Directory.CreateSymbolicLink(Path.Combine(folder, "graphs"), ReferencePackages.Folder("ref-encoder"));
        string manifest = Path.Combine(folder, ModelPackage.ManifestFileName);
        File.WriteAllText(manifest, File.ReadAllText(manifest).Replace("\"tile.onnx\"", "\"graphs/tile.onnx\"", StringComparison.Ordinal));

        AssertRefused(folder, "'graphs/tile.onnx' is a link");
    }

    [Theory]
    [InlineData("../tile.onnx")]
    [InlineData("/tile.onnx")]
    [InlineData("a/../../tile.onnx")]
    [InlineData("a//tile.onnx")]
    [InlineData("..\\\\tile.onnx")]
    [InlineData("")]
    public void Path_that_leaves_the_package_is_refused(string path)
    {
        string folder = ReferencePackages.CopyOf("ref-encoder", _scratch);
        ManifestEdit.Replace(folder, "\"path\": \"tile.onnx\"", $"\"path\": \"{path}\"");

        AssertRefused(folder, "leaves the package");
    }

    [Theory]
    [InlineData("\"version\": \"1.0.0\",", "", "member 'version' is missing")]
    [InlineData("\"sizePx\": 32,", "", "member 'tile.sizePx' is missing")]
    [InlineData("\"version\"", "\"vresion\"", "unknown member 'vresion'")]
    [InlineData("\"name\": \"pixels\"", "\"nam\": \"pixels\"", "unknown member 'graphs.tile.inputs[0].nam'")]
    [InlineData("\"version\": \"1.0.0\"", "\"version\": 1", "'version' has a value of the wrong type")]
    [InlineData("\"kind\": \"encoder\"", "\"kind\": \"encodr\"", "'kind' has a value of the wrong type or out of its list")]
    [InlineData("\"kind\": \"encoder\"", "\"kind\": \"slide-head\"", "graphs are tile; this kind needs instance + bag or whole")]
    [InlineData("slidemesh-model/1", "slidemesh-model/2", "this version reads 'slidemesh-model/1'")]
    [InlineData("\"name\": \"ref-encoder\"", "\"name\": \"../escape\"", "must match [a-z0-9]")]
    [InlineData("\"std\": [0.25, 0.2, 0.3]", "\"std\": [0.25, 0, 0.3]", "std must be above 0")]
    [InlineData("\"path\": \"tile.onnx\"", "\"path\": \"other.onnx\"", "graph 'tile' uses 'tile.onnx', which 'files' does not list")]
    [InlineData("\"version\": \"1.0.0\",", "\"version\": \"1.0.0\", \"version\": \"1.0.1\",", "not valid JSON")]
    [InlineData("\"files\": [", "\"files\": [null,", "'files[0]' is null")]
    [InlineData("{", "", "not valid JSON")]
    public void Faulty_manifest_is_refused_by_name(string original, string changed, string message)
    {
        string folder = ReferencePackages.CopyOf("ref-encoder", _scratch);
        ManifestEdit.Replace(folder, original, changed);

        AssertRefused(folder, "model.json", message);
    }

    [Theory]
    [InlineData("ref-whole", "mean", "'pooling' belongs to slide heads with a graph 'bag'")]
    [InlineData("ref-encoder", "attention", "'pooling' belongs to slide heads with a graph 'bag'")]
    [InlineData("ref-streamed", "median", "'pooling' has a value of the wrong type or out of its list")]
    public void Pooling_that_a_package_cannot_have_is_refused(string package, string pooling, string message)
    {
        string folder = ReferencePackages.CopyOf(package, _scratch);
        ManifestEdit.Replace(folder, "\"graphs\":", $"\"pooling\": \"{pooling}\", \"graphs\":");

        AssertRefused(folder, "model.json", message);
    }

    [Theory]
    [InlineData(null, true, "'pooling' must be mean or sum")]
    [InlineData("attention", true, "'pooling' must be mean or sum")]
    [InlineData("maximum", true, "'pooling' must be mean or sum")]
    [InlineData("top", true, "'pooling' must be mean or sum")]
    [InlineData("mean", true, "output 'origin_logits' of task 'origin': a head without a graph 'instance' has no attention")]
    [InlineData("sum", true, "output 'origin_logits' of task 'origin': a head without a graph 'instance' has no attention")]
    [InlineData("mean", false, null)]
    [InlineData("sum", false, null)]
    public void Head_without_an_instance_graph_pools_features_by_mean_or_sum_and_has_no_attention(string? pooling, bool attention, string? message)
    {
        string folder = ReferencePackages.CopyOf("ref-streamed", _scratch);
        string path = Path.Combine(folder, ModelPackage.ManifestFileName);
        JsonObject manifest = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        manifest["graphs"]!.AsObject().Remove("instance");
        if (pooling is not null)
        {
            manifest["pooling"] = pooling;
        }

        if (!attention)
        {
            foreach (JsonNode? output in manifest["outputs"]!.AsArray())
            {
                output!.AsObject().Remove("attention");
            }
        }

        File.WriteAllText(path, manifest.ToJsonString());
        if (message is null)
        {
            Assert.True(ModelPackage.Load(folder).Manifest.PoolsFeatures);
        }
        else
        {
            AssertRefused(folder, "model.json", message);
        }
    }

    [Theory]
    [InlineData("\"sizePx\": 32", "\"sizePx\": 15", "tile.sizePx is 15; 16 to 4096")]
    [InlineData("\"sizePx\": 32", "\"sizePx\": 4097", "tile.sizePx is 4097; 16 to 4096")]
    [InlineData("\"micronsPerPixel\": 0.5", "\"micronsPerPixel\": 0.019", "tile.micronsPerPixel is 0.019; 0.02 to 20")]
    [InlineData("\"micronsPerPixel\": 0.5", "\"micronsPerPixel\": 1e300", "tile.micronsPerPixel is 1E+300; 0.02 to 20")]
    [InlineData("\"overlapPx\": 0", "\"overlapPx\": 32", "tile.overlapPx is 32; 0 to 31")]
    [InlineData("\"overlapPx\": 0", "\"overlapPx\": -1", "tile.overlapPx is -1; 0 to 31")]
    [InlineData("\"std\": [0.25, 0.2, 0.3]", "\"std\": [0.25, 0.2]", "normalisation.mean and .std need three numbers")]
    [InlineData("\"std\": [0.25, 0.2, 0.3]", "\"std\": [0.25, 0.2, 1e39]", "std must be above 0 and finite")]
    [InlineData("\"shape\": [-1, 16]", "\"shape\": []", "graphs.tile: shape of 'features' has 0 dimensions")]
    [InlineData("\"shape\": [-1, 16]", "\"shape\": [-1, 4294967296]", "graphs.tile: shape of 'features' has more than")]
    [InlineData("\"shape\": [-1, 16]", "\"shape\": [-1, 4294967296, 4294967296, 4294967296]", "graphs.tile: shape of 'features' has more than")]
    public void Encoder_out_of_bounds_is_refused_by_package_and_member(string original, string changed, string message) =>
        AssertRefusedAfterEdit("ref-encoder", original, changed, message);

    [Theory]
    [InlineData("\"temperature\": 0.8", "\"temperature\": 0", "temperature must be above 0")]
    [InlineData("\"task\": \"grade\",", "\"weight\": -1, \"task\": \"grade\",", "weight must be above 0")]
    [InlineData("\"outputs\": [\n    {", "\"outputs\": [ { \"task\": \"other\", \"tensor\": \"grade_logits\", \"type\": \"regression\", \"quantity\": \"q\" },\n    {", "tensor 'grade_logits' is listed twice")]
    [InlineData("\"outputs\": [\n    {", "\"outputs\": [ { \"task\": \"grade\", \"tensor\": \"other\", \"type\": \"binary\", \"labels\": [\"a\", \"b\"] },\n    {", "task 'grade' is answered twice")]
    public void Output_out_of_bounds_is_refused_by_package_and_member(string original, string changed, string message) =>
        AssertRefusedAfterEdit("ref-tiles", original, changed, message);

    [Fact]
    public void Attention_without_dimensions_is_refused_by_package_and_member() =>
        AssertRefusedAfterEdit("ref-whole", "\"shape\": [-1, 1]", "\"shape\": []", "graphs.whole: shape of 'attention' has 0 dimensions");

    private void AssertRefusedAfterEdit(string package, string original, string changed, string message)
    {
        string folder = ReferencePackages.CopyOf(package, _scratch);
        ManifestEdit.Replace(folder, original, changed);
        AssertRefused(folder, $"package '{package}'", message);
    }

    private static void AssertRefused(string folder, params string[] parts)
    {
        ModelPackageException e = Assert.Throws<ModelPackageException>(() => ModelPackage.Load(folder));
        Assert.All(parts, part => Assert.Contains(part, e.Message, StringComparison.Ordinal));
        Assert.StartsWith(folder, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }
}
