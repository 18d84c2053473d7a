using System.Text.Json;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.OnnxRuntime;
using SlideMesh.Inference.Packages;
using SlideMesh.Models.Architectures;
using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Tests.Encoders;

/// <summary>What the importer makes of encoders' keys, options and configurations; features are <see cref="EncoderParityTests"/>' part.</summary>
public sealed class EncoderImportTests
{
    [Theory]
    [InlineData("resnet18")]
    [InlineData("resnet34")]
    [InlineData("resnet50")]
    [InlineData("resnet101")]
    [InlineData("densenet121")]
    [InlineData("inception-v3")]
    [InlineData("efficientnet-b0")]
    [InlineData("efficientnet-b0-timm")]
    [InlineData("convnext-tiny")]
    [InlineData("convnext-tiny-timm")]
    [InlineData("swin-tiny")]
    [InlineData("swin-tiny-timm")]
    [InlineData("swin-tiny-old")]
    [InlineData("swin-tiny-ctranspath")]
    [InlineData("mobilenet-v1")]
    [InlineData("mobilenet-v1-timm")]
    [InlineData("mobilenet-v1-keras")]
    [InlineData("vit-b16")]
    [InlineData("vit-g14-swiglu-reg8")]
    [InlineData("vit-dinov2")]
    [InlineData("vit-hf")]
    [InlineData("vit-hf-dinov2")]
    [InlineData("vit-torchvision")]
    public void Keys_tell_the_architecture(string name)
    {
        EncoderCase c = EncoderCase.Load(name);

        Assert.Equal(c.Architecture, ArchitectureCatalog.Recognise(c.Weights()).Name);
    }

    [Fact]
    public void A_resnet50_without_its_fourth_stage_is_the_truncated_one()
    {
        EncoderCase c = EncoderCase.Load("resnet50");
        StateDict weights = new("trunk.pth", c.Tensors.Where(t => !t.Key.StartsWith("layer4.", StringComparison.Ordinal) && !t.Key.StartsWith("fc.", StringComparison.Ordinal)).ToDictionary());

        Assert.Equal("resnet50-layer3", ArchitectureCatalog.Recognise(weights).Name);
    }

    [Fact]
    public void Left_over_keys_are_an_error_that_names_them()
    {
        CheckpointException e = Assert.Throws<CheckpointException>(() => Build(With("resnet18", "layer5.0.conv1.weight", 3, 3), "resnet18"));

        Assert.Contains("layer5.0.conv1.weight", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_keys_are_an_error_that_names_them()
    {
        EncoderCase c = EncoderCase.Load("resnet18");
        StateDict weights = new("x.pth", c.Tensors.Where(t => t.Key is not ("layer2.0.bn1.running_var" or "layer3.1.bn2.bias")).ToDictionary());

        CheckpointException e = Assert.Throws<CheckpointException>(() => Build(weights, "resnet18"));

        Assert.Contains("layer2.0.bn1.running_var, layer3.1.bn2.bias", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Keys_that_are_set_aside_are_told_with_the_reason()
    {
        StateDict weights = EncoderCase.Load("inception-v3").Weights();

        Build(weights, "inception-v3");

        Assert.Contains(weights.Ignored, line => line.StartsWith("AuxLogits.", StringComparison.Ordinal) && line.Contains("training only", StringComparison.Ordinal));
        Assert.Contains(weights.Ignored, line => line.StartsWith("fc.", StringComparison.Ordinal) && line.Contains("class layer", StringComparison.Ordinal));
        Assert.Equal(3, weights.Ignored.Count);
    }

    [Fact]
    public void Old_names_of_DenseNet_give_the_same_graph()
    {
        EncoderCase c = EncoderCase.Load("densenet121");
        Dictionary<string, CheckpointTensor> old = c.Tensors.ToDictionary(
            t => System.Text.RegularExpressions.Regex.Replace(t.Key, @"(denselayer\d+\.(?:norm|conv))([12])", "$1.$2"), t => t.Value);
        using TemporaryFolder folder = new();

        OnnxWriter.Save(Build(c.Weights(), c.Architecture).Graphs[GraphRole.Tile], folder.Path, "new.onnx");
        OnnxWriter.Save(Build(new StateDict("old.pth", old), c.Architecture).Graphs[GraphRole.Tile], folder.Path, "old.onnx");

        // Names of weights differ, numbers do not: the same output for the same pixels.
        Assert.Equal(Scores(folder.File("new.onnx"), c, "features"), Scores(folder.File("old.onnx"), c, "features"));
    }

    [Fact]
    public void With_classes_the_class_layer_and_a_softmax_follow()
    {
        EncoderCase c = EncoderCase.Load("resnet18");
        string[] labels = ["a", "b", "c", "d", "e"];
        using TemporaryFolder folder = new();

        ModelDesign design = Build(c.Weights(), c.Architecture, c.Options with { Classes = labels, Task = "tissue" });

        OnnxWriter.Save(design.Graphs[GraphRole.Tile], folder.Path, "tile.onnx");
        float[] scores = Scores(folder.File("tile.onnx"), c, "scores");
        Assert.Equal(ModelKind.TileClassifier, design.Kind);
        Assert.Equal(("tissue", "scores"), (design.TileOutput!.Task, design.TileOutput.Tensor));
        Assert.Equal(labels, design.TileOutput.Labels);
        float[] expected = Softmax(c);
        Assert.All(expected.Zip(scores), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
    }

    [Fact]
    public void Classes_that_the_class_layer_does_not_have_are_refused() =>
        Assert.Throws<ImportOptionException>(() => Build(EncoderCase.Load("resnet18").Weights(), "resnet18", new ImportOptions { Classes = ["a", "b"] }));

    [Fact]
    public void A_tile_too_small_for_the_net_is_refused()
    {
        ImportOptionException e = Assert.Throws<ImportOptionException>(
            () => Build(EncoderCase.Load("inception-v3").Weights(), "inception-v3", new ImportOptions { TileSizePx = 40 }));

        Assert.Contains("--tile-size", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("vit-b16", """{"model_args": {"depth": 24}}""", "depth 24")]
    [InlineData("vit-b16", """{"model_args": {"reg_tokens": 4}}""", "reg_tokens 4")]
    [InlineData("vit-b16", """{"model_args": {"block_fn": "ParallelScalingBlock"}}""", "block_fn")]
    [InlineData("vit-b16", """{"model_args": {"act_layer": "hard_mish"}}""", "hardmish")]
    [InlineData("vit-dinov2", """{"model_args": {"mlp_layer": "timm.layers.GluMlp"}}""", "GluMlp")]
    [InlineData("vit-b16", """{"global_pool": ""}""", "--set pooling=")]
    [InlineData("vit-b16", """{"global_pool": "map"}""", "'map'")]
    [InlineData("vit-b16", """{"model_args": {"num_heads": 7}}""", "7 does not divide")]
    [InlineData("vit-b16", """{"pretrained_cfg": {"input_size": [3, 224, 192]}}""", "input_size")]
    [InlineData("vit-b16", """{"pretrained_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0, 0.5]}}""", "std")]
    [InlineData("vit-b16", """{"pretrained_cfg": {"input_size": [3, 230, 230]}}""", "230 px")]
    [InlineData("vit-b16", """{"pretrained_cfg": {"input_size": [3, 1000000, 1000000]}}""", "1000000 px")]
    [InlineData("vit-b16", """{"architecture": "vit_base_patch16_rope_224"}""", "vit_base_patch16_rope_224")]
    [InlineData("vit-b16", """{"architecture": "eva02_base_patch16"}""", "eva02_base_patch16")]
    [InlineData("vit-g14-mean", """{"global_pool": "class-and-mean"}""", "fc_norm")]
    [InlineData("resnet50", """{"architecture": "resnetaa50.a1h_in1k"}""", "resnetaa50")]
    [InlineData("resnet50", """{"architecture": "resnet50", "model_args": {"output_stride": 8}}""", "output_stride")]
    [InlineData("resnet50", """{"architecture": "resnet50", "global_pool": "max"}""", "'max'")]
    [InlineData("vit-qknorm-gap", """{"global_pool": "token"}""", "no class token")]
    [InlineData("efficientnet-b0-timm", """{"architecture": "tf_efficientnet_b0.ns_jft_in1k"}""", "tf_efficientnet_b0")]
    [InlineData("swin-tiny-timm", """{"pretrained_cfg": {"input_size": [3, 192, 192]}}""", "--tile-size")]
    public void Configurations_that_do_not_fit_are_refused(string name, string config, string says)
    {
        EncoderCase c = EncoderCase.Load(name);

        ImportOptionException e = Assert.Throws<ImportOptionException>(
            () => Build(c.Weights(), c.Architecture, new ImportOptions { Config = JsonDocument.Parse(config).RootElement }));

        Assert.Contains(says, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pos_embed", "--set pos_embed=none")]
    [InlineData("norm.weight", "norm.weight")]
    public void A_vision_transformer_without_positions_or_norm_is_refused(string key, string says)
    {
        EncoderCase c = EncoderCase.Load("vit-b16");
        StateDict weights = new("x.pth", c.Tensors.Where(t => t.Key != key).ToDictionary());

        CheckpointException e = Assert.Throws<CheckpointException>(() => Build(weights, c.Architecture));

        Assert.Contains(says, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_empty_kernel_is_refused()
    {
        Dictionary<string, CheckpointTensor> tensors = EncoderCase.Load("resnet18").Tensors.ToDictionary();
        tensors["conv1.weight"] = FormulaWeights.Tensor("conv1.weight", [0, 3, 7, 7], 1);

        CheckpointException e = Assert.Throws<CheckpointException>(() => Build(new StateDict("x.pth", tensors), "resnet18"));

        Assert.Contains("conv1.weight", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_setting_counts_more_than_the_configuration()
    {
        EncoderCase c = EncoderCase.Load("vit-b16");
        ImportOptions options = new()
        {
            Config = JsonDocument.Parse("""{"global_pool": "", "pretrained_cfg": {"input_size": [3, 112, 112], "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]}}""").RootElement,
            Settings = new Dictionary<string, string> { ["pooling"] = "class-and-mean" },
        };

        ModelDesign design = Build(c.Weights(), c.Architecture, options);

        Assert.Equal([-1, 2 * 768L], design.Graphs[GraphRole.Tile].Outputs[0].Shape);
        Assert.Equal((112, 0.25f), (design.Tile!.SizePx, design.Normalisation!.Std[0]));
        Assert.Empty(options.UnusedSettings);
    }

    [Fact]
    public void An_unusual_width_needs_the_number_of_heads()
    {
        EncoderCase c = EncoderCase.Load("vit-clip");

        ImportOptionException e = Assert.Throws<ImportOptionException>(() => Build(c.Weights(), c.Architecture, new ImportOptions { TileSizePx = 64 }));

        Assert.Contains("--set heads=", e.Message, StringComparison.Ordinal);
    }

    private static ModelDesign Build(StateDict weights, string architecture, ImportOptions? options = null)
    {
        ModelDesign design = ArchitectureCatalog.Find(architecture)!.Build(weights, options ?? new ImportOptions { TileSizePx = architecture == "inception-v3" ? 107 : 64 });
        weights.Finish();
        return design;
    }

    private static StateDict With(string name, string key, params long[] shape)
    {
        Dictionary<string, CheckpointTensor> tensors = EncoderCase.Load(name).Tensors.ToDictionary();
        tensors.Add(key, FormulaWeights.Tensor(key, shape, 1));
        return new StateDict("x.pth", tensors);
    }

    private static float[] Scores(string graph, EncoderCase c, string output)
    {
        using OnnxRuntimeEngine engine = new();
        using IInferenceSession session = engine.Load(graph, 2);
        return session.Run([new TensorView("pixels", c.Pixels(1), [1, 3, c.TilePx, c.TilePx])], [output])[0].Data;
    }

    /// <summary>Softmax of the class layer on PyTorch's features of tile 0, in double.</summary>
    private static float[] Softmax(EncoderCase c)
    {
        float[] weight = c.Tensors["fc.weight"].Load();
        float[] bias = c.Tensors["fc.bias"].Load();
        double[] raised = [.. bias.Select((b, row) => Math.Exp(b + Enumerable.Range(0, c.Dimension).Sum(i => (double)weight[(row * c.Dimension) + i] * c.Features[i])))];
        return [.. raised.Select(r => (float)(r / raised.Sum()))];
    }
}
