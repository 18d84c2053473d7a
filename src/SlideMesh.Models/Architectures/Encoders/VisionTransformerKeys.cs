using SlideMesh.Models.Checkpoints;

namespace SlideMesh.Models.Architectures.Encoders;

/// <summary>What a vision transformer's parts are called in a checkpoint: timm, DINOv2, Hugging Face's ViT and DINOv2, torchvision.</summary>
internal sealed record VisionTransformerKeys
{
    private static readonly VisionTransformerKeys Timm = new()
    {
        Patches = "patch_embed.proj",
        ClassToken = "cls_token",
        Registers = "reg_token",
        Positions = "pos_embed",
        Norm = "norm",
        ClassLayer = "head",
        Block = i => TimmBlock($"blocks.{i}.", "mlp.fc1", "mlp.fc2"),
    };

    // DINOv2's own files, where the class token alone has a position besides the patches.
    private static readonly VisionTransformerKeys DinoRegisters = Timm with { Registers = "register_tokens", RegistersHavePositions = false };

    private static readonly VisionTransformerKeys HuggingFaceVit = new()
    {
        Patches = "embeddings.patch_embeddings.projection",
        ClassToken = "embeddings.cls_token",
        Registers = "embeddings.register_tokens",
        RegistersHavePositions = false,
        Positions = "embeddings.position_embeddings",
        Norm = "layernorm",
        ClassLayer = "classifier",
        NormEpsilon = 1e-12f,
        Block = i => new BlockKeys(
            LayerKeys.Of($"encoder.layer.{i}.layernorm_before"), HuggingFaceAttention(i), LayerKeys.Of($"encoder.layer.{i}.layernorm_after"),
            LayerKeys.Of($"encoder.layer.{i}.intermediate.dense"), LayerKeys.Of($"encoder.layer.{i}.output.dense"), []),
    };

    private static readonly VisionTransformerKeys HuggingFaceDino = HuggingFaceVit with
    {
        NormEpsilon = 1e-6f,
        Block = i => HuggingFaceDinoBlock(i, "mlp.fc1", "mlp.fc2"),
    };

    private static readonly VisionTransformerKeys HuggingFaceGatedDino = HuggingFaceDino with { Block = i => HuggingFaceDinoBlock(i, "mlp.weights_in", "mlp.weights_out") };

    private static readonly VisionTransformerKeys Torchvision = new()
    {
        Patches = "conv_proj",
        ClassToken = "class_token",
        Registers = "",
        Positions = "encoder.pos_embedding",
        Norm = "encoder.ln",
        ClassLayer = "heads.head",
        Block = i => TorchvisionBlock(i, "mlp.0", "mlp.3"),
    };

    // Files from before torchvision 0.12 was final.
    private static readonly VisionTransformerKeys OldTorchvision = Torchvision with { Block = i => TorchvisionBlock(i, "mlp.linear_1", "mlp.linear_2") };

    /// <summary>Prefix of all keys but the class layer's, with its dot.</summary>
    public string Prefix { get; init; } = "";

    public required string Patches { get; init; }

    public required string ClassToken { get; init; }

    public required string Registers { get; init; }

    public bool RegistersHavePositions { get; init; } = true;

    public required string Positions { get; init; }

    /// <summary>The last norm, before pooling; <c>fc_norm</c> is timm's behind it.</summary>
    public required string Norm { get; init; }

    public required string ClassLayer { get; init; }

    public float NormEpsilon { get; init; } = 1e-6f;

    /// <summary>Keys of block i, whether it is there or not.</summary>
    public required Func<int, BlockKeys> Block { get; init; }

    /// <summary>The layout whose first block is there; null: none.</summary>
    public static VisionTransformerKeys? Find(StateDict weights) => Candidates(weights).FirstOrDefault(k =>
    {
        StateDict w = weights.Below(k.Prefix);
        BlockKeys first = k.Block(0);
        return w.ShapeOf($"{k.Patches}.weight") is [_, 3, _, _] && w.HasAll(first.Norm1.Weight, first.Attention.Qkv[0].Weight, first.Up.Weight, first.Down.Weight);
    });

    private static IEnumerable<VisionTransformerKeys> Candidates(StateDict weights)
    {
        foreach (string prefix in new[] { "", "backbone.", "encoder.", "trunk." })
        {
            StateDict w = weights.Below(prefix);
            VisionTransformerKeys timm = (w.Has("register_tokens") ? DinoRegisters : Timm) with { Prefix = prefix };
            yield return timm with { Block = i => Chunked(w, i, "mlp.fc1", "mlp.fc2") };
            yield return timm with { Block = i => Chunked(w, i, "mlp.w12", "mlp.w3") };
        }

        foreach (string prefix in new[] { "", "vit.", "dinov2.", "dinov2_with_registers." })
        {
            yield return HuggingFaceVit with { Prefix = prefix };
            yield return HuggingFaceDino with { Prefix = prefix };
            yield return HuggingFaceGatedDino with { Prefix = prefix };
        }

        yield return Torchvision;
        yield return OldTorchvision;
    }

    private static BlockKeys TimmBlock(string prefix, string up, string down) => new(
        LayerKeys.Of($"{prefix}norm1"), AttentionKeys.Packed($"{prefix}attn."), LayerKeys.Of($"{prefix}norm2"), LayerKeys.Of(prefix + up), LayerKeys.Of(prefix + down),
        [($"{prefix}ls1.gamma", $"{prefix}ls2.gamma"), ($"{prefix}gamma_1", $"{prefix}gamma_2")]);

    /// <summary>DINOv2's training code puts blocks into chunks: <c>blocks.1.7.</c> is block 7.</summary>
    private static BlockKeys Chunked(StateDict weights, int i, string up, string down)
    {
        string plain = $"blocks.{i}.";
        string? prefix = weights.Has($"{plain}norm1.weight") ? plain : Enumerable.Range(0, i + 1).Select(chunk => $"blocks.{chunk}.{i}.").FirstOrDefault(p => weights.Has($"{p}norm1.weight"));
        return TimmBlock(prefix ?? plain, up, down);
    }

    private static AttentionKeys HuggingFaceAttention(int i) => new(
        [.. new[] { "query", "key", "value" }.Select(part => LayerKeys.Of($"encoder.layer.{i}.attention.attention.{part}"))],
        LayerKeys.Of($"encoder.layer.{i}.attention.output.dense"));

    private static BlockKeys HuggingFaceDinoBlock(int i, string up, string down) => new(
        LayerKeys.Of($"encoder.layer.{i}.norm1"), HuggingFaceAttention(i), LayerKeys.Of($"encoder.layer.{i}.norm2"),
        LayerKeys.Of($"encoder.layer.{i}.{up}"), LayerKeys.Of($"encoder.layer.{i}.{down}"),
        [($"encoder.layer.{i}.layer_scale1.lambda1", $"encoder.layer.{i}.layer_scale2.lambda1")]);

    private static BlockKeys TorchvisionBlock(int i, string up, string down)
    {
        string prefix = $"encoder.layers.encoder_layer_{i}.";
        return new BlockKeys(
            LayerKeys.Of($"{prefix}ln_1"),
            new AttentionKeys([new LayerKeys($"{prefix}self_attention.in_proj_weight", $"{prefix}self_attention.in_proj_bias")], LayerKeys.Of($"{prefix}self_attention.out_proj")),
            LayerKeys.Of($"{prefix}ln_2"), LayerKeys.Of(prefix + up), LayerKeys.Of(prefix + down), []);
    }
}
