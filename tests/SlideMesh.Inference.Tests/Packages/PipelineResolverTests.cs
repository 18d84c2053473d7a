using SlideMesh.Inference.OnnxRuntime;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Inference.Tests.Packages;

public sealed class PipelineResolverTests : IDisposable
{
    private readonly OnnxRuntimeEngine _engine = new();

    public void Dispose() => _engine.Dispose();

    [Fact]
    public void Resolve_gives_the_same_pipeline_whatever_the_order_of_packages()
    {
        IReadOnlyList<ModelPackage> packages = ReferencePackages.LoadAll();

        ResolvedPipeline pipeline = PipelineResolver.Resolve(packages.Reverse(), _engine);

        Assert.Equal(
            ["ref-encoder", "ref-pixel-tiles", "ref-tiles", "ref-streamed", "ref-whole", "ref-fusion"], pipeline.Packages.Select(p => p.Name));
        Assert.Equal(
            [new FeatureStream("ref-encoder", "ref-encoder", new TileView(32, 0.5), 16), new FeatureStream("ref-pixel-tiles", "ref-pixel-tiles", new TileView(32, 0.5), 1)],
            pipeline.Streams);
        Assert.Equal("ref-encoder", pipeline.StreamOf("ref-whole")!.Id);
        Assert.Null(pipeline.StreamOf("ref-fusion"));
    }

    [Fact]
    public void Demo_models_share_one_stream_per_magnification()
    {
        IReadOnlyList<ModelPackage> packages = PackageCatalog.Default([]).Load([ReferencePackages.DemoFolder("")]);

        ResolvedPipeline pipeline = PipelineResolver.Resolve(packages, _engine);

        Assert.Equal(["demo-encoder", "demo-encoder-256px-1um", "demo-encoder-256px-2um"], pipeline.Streams.Select(s => s.Id));
        Assert.Equal("demo-encoder", pipeline.StreamIds["demo-tmb-20x"]);
        Assert.Equal("demo-encoder-256px-2um", pipeline.StreamIds["demo-tmb-5x"]);
        Assert.All(pipeline.Streams, s => Assert.Equal(("demo-encoder", 256), (s.Package, s.Dimension)));
    }

    [Fact]
    public void Encoder_without_heads_runs_on_its_own_view()
    {
        ResolvedPipeline pipeline = PipelineResolver.Resolve([ModelPackage.Load(ReferencePackages.Folder("ref-encoder"))], _engine);

        Assert.Equal("ref-encoder", Assert.Single(pipeline.Streams).Id);
        Assert.Equal("ref-encoder", pipeline.StreamIds["ref-encoder"]);
    }

    [Fact]
    public void Head_without_its_encoder_is_refused() =>
        AssertRefused([ModelPackage.Load(ReferencePackages.Folder("ref-tiles"))], "'ref-tiles'", "'ref-encoder'");

    [Fact]
    public void Fusion_without_its_sources_is_refused() =>
        AssertRefused([ModelPackage.Load(ReferencePackages.Folder("ref-fusion"))], "'ref-fusion'", "'ref-streamed/pooled'");

    [Fact]
    public void Two_packages_of_one_name_are_refused()
    {
        ModelPackage encoder = ModelPackage.Load(ReferencePackages.Folder("ref-encoder"));
        AssertRefused([encoder, encoder], "'ref-encoder'", "only one");
    }

    [Theory]
    [InlineData("ref-encoder", "\"shape\": [-1, 16]", "\"shape\": [-1, 17]", "graph 'tile': output 'features' is [-1, 16] in the graph, [-1, 17] in model.json")]
    [InlineData("ref-encoder", "\"name\": \"pixels\"", "\"name\": \"image\"", "takes a tensor 'pixels' that model.json does not name")]
    [InlineData("ref-encoder", "\"sizePx\": 32", "\"sizePx\": 64", "tensor 'pixels' is [-1, 3, 32, 32]; [-1, 3, 64, 64] is needed")]
    [InlineData("ref-tiles", "\"dimension\": 16", "\"dimension\": 12", "tensor 'features' is [-1, 16]; [-1, 12] is needed")]
    [InlineData("ref-tiles", "\"4\", \"5\"]", "\"4\"]", "output 'grade_logits' of task 'grade' is [1, 5]; [1, 4] is needed (ordinal with 5 labels: 4)")]
    [InlineData("ref-pixel-tiles", "\"type\": \"binary\"", "\"type\": \"categorical\"", "[1, 2] is needed (categorical with 2 labels: 2)")]
    [InlineData("ref-pixel-tiles", "\"labels\": [\"TMB-high\"]", "\"labels\": [\"a\", \"b\"]", "tensor 'scores' is [-1, 1]; [-1, 2] is needed")]
    [InlineData("ref-streamed", "\"attention\": 1", "\"attention\": 2", "task 'site' reads column 2 of 'attention' [-1, 2]")]
    [InlineData("ref-tiles", "\"task\": \"grade\",\n      \"tensor\"", "\"task\": \"grade\", \"attention\": 0,\n      \"tensor\"", "needs an output 'attention'")]
    [InlineData("ref-fusion", "\"ref-tiles/summary\"", "\"ref-tiles/grade_logits\"", "tensor 'slide' is [1, 43]; [1, 24] is needed")]
    [InlineData("ref-fusion", "\"ref-tiles/summary\"", "\"ref-tiles/hidden\"", "package 'ref-tiles' offers no tensor 'hidden'")]
    [InlineData("ref-fusion", "\"omicsInput\": \"omics\"", "\"omicsInput\": \"slide\"", "tensor 'slide' is [1, 43]; [1, 6] is needed")]
    [InlineData("ref-whole", "\"covariates\": [", "\"covariates\": [{ \"name\": \"age\", \"values\": {}, \"missing\": 0 },", "tensor 'covariates' is [1, 1]; [1, 2] is needed")]
    public void Contradiction_between_manifest_and_graphs_is_refused(string package, string original, string changed, string message)
    {
        using ScratchFolder scratch = new();
        string folder = ReferencePackages.CopyOf(package, scratch);
        ManifestEdit.Replace(folder, original, changed);
        IEnumerable<ModelPackage> others = ReferencePackages.LoadAll().Where(p => p.Name != package);

        AssertRefused([.. others, ModelPackage.Load(folder)], $"'{package}'", message);
    }

    [Fact]
    public void Encoder_of_other_weights_is_refused()
    {
        using ScratchFolder scratch = new();
        string folder = ReferencePackages.CopyOf("ref-tiles", scratch);
        string sha256 = ModelPackage.Load(ReferencePackages.Folder("ref-encoder")).GraphSha256(GraphRole.Tile);
        ManifestEdit.Replace(folder, sha256, new string('0', 64));

        AssertRefused([ModelPackage.Load(ReferencePackages.Folder("ref-encoder")), ModelPackage.Load(folder)], "trained on encoder 'ref-encoder'", sha256);
    }

    [Fact]
    public void Encoders_run_on_the_views_that_were_asked_for()
    {
        ModelPackage encoder = ModelPackage.Load(ReferencePackages.Folder("ref-encoder"));
        Assert.Equal(["ref-encoder"], PipelineResolver.ResolveEncoders([encoder], TileChoice.Native, _engine).Streams.Select(s => s.Id));

        ResolvedPipeline views = PipelineResolver.ResolveEncoders([encoder], new TileChoice(null, [2, 0.5, 2], 8), _engine);
        Assert.Equal(["ref-encoder-32px-0.5um-8ov", "ref-encoder-32px-2um-8ov"], views.Streams.Select(s => s.Id));
        Assert.All(views.Streams, s => Assert.Equal((16, 8, "ref-encoder"), (s.Dimension, s.View.OverlapPx, s.Package)));
    }

    [Theory]
    [InlineData("ref-streamed", null, null, "'ref-streamed' is a slide-head and makes no features; name its encoder, 'ref-encoder', instead.")]
    [InlineData("ref-encoder", 64, null, "takes tiles of 32 px only, not 64")]
    [InlineData("ref-encoder", null, 32, "the overlap must be less than the tile")]
    public void Views_that_an_encoder_does_not_take_are_refused(string package, int? size, int? overlap, string message)
    {
        ModelPackageException e = Assert.Throws<ModelPackageException>(
            () => PipelineResolver.ResolveEncoders([ModelPackage.Load(ReferencePackages.Folder(package))], new TileChoice(size, [], overlap), _engine));
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Heads_alone_need_no_encoder_and_their_stream_states_its_view()
    {
        ModelPackage[] heads = [.. new[] { "ref-tiles", "ref-whole" }.Select(n => ModelPackage.Load(ReferencePackages.Folder(n)))];
        ModelPackage encoder = ModelPackage.Load(ReferencePackages.Folder("ref-encoder"));

        ResolvedPipeline alone = PipelineResolver.ResolveHeads(heads, _engine);
        Assert.Equal([new FeatureStream("ref-encoder-32px-0.5um", "ref-encoder", new TileView(32, 0.5), 16)], alone.Streams);
        ResolvedPipeline withEncoder = PipelineResolver.ResolveHeads([.. heads, encoder], _engine);
        Assert.Equal(PipelineResolver.Resolve([.. heads, encoder], _engine).Streams, withEncoder.Streams);
        Assert.Contains("name slide heads", Assert.Throws<ModelPackageException>(() => PipelineResolver.ResolveHeads([encoder], _engine)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Encoder_of_other_weights_counts_as_missing_for_heads_alone()
    {
        using ScratchFolder scratch = new();
        string folder = ReferencePackages.CopyOf("ref-tiles", scratch);
        ModelPackage encoder = ModelPackage.Load(ReferencePackages.Folder("ref-encoder"));
        ManifestEdit.Replace(folder, encoder.GraphSha256(GraphRole.Tile), new string('0', 64));

        ResolvedPipeline pipeline = PipelineResolver.ResolveHeads([encoder, ModelPackage.Load(folder)], _engine);
        Assert.Equal(["ref-tiles"], pipeline.Packages.Select(p => p.Name));
        Assert.Equal("ref-encoder-32px-0.5um", Assert.Single(pipeline.Streams).Id);
    }

    private void AssertRefused(IReadOnlyList<ModelPackage> packages, params string[] parts)
    {
        ModelPackageException e = Assert.Throws<ModelPackageException>(() => PipelineResolver.Resolve(packages, _engine));
        Assert.All(parts, part => Assert.Contains(part, e.Message, StringComparison.Ordinal));
        Assert.DoesNotContain('\n', e.Message);
    }
}
