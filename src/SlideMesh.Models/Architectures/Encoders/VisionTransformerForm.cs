using SlideMesh.Models.Checkpoints;

namespace SlideMesh.Models.Architectures.Encoders;

/// <summary>How a vision transformer's tokens become one vector.</summary>
internal enum TokenPooling
{
    /// <summary>The class token.</summary>
    Token,

    /// <summary>Mean of the patch tokens.</summary>
    Mean,

    /// <summary>Class token, then the mean of the patch tokens: twice the width (Virchow's manner).</summary>
    ClassAndMean,
}

internal enum Activation
{
    Gelu,
    QuickGelu,
    Silu,
    Relu,
    Sigmoid,
}

/// <summary>A vision transformer's sizes and choices: from the keys' shapes, and where they do not tell from the configuration.</summary>
internal sealed record VisionTransformerForm
{
    // Heads by width, of timm's and DINOv2's models; shapes do not tell them.
    private static readonly Dictionary<int, int> UsualHeads = new()
    {
        [192] = 3, [384] = 6, [512] = 8, [768] = 12, [1024] = 16, [1280] = 16, [1408] = 16, [1536] = 24, [1664] = 16,
    };

    // model_args that the graph follows, and those that change nothing at inference. Any other may change the result and is refused.
    private static readonly string[] Followed =
        ["patch_size", "embed_dim", "depth", "num_heads", "mlp_ratio", "qkv_bias", "qk_norm", "init_values", "class_token", "no_embed_class", "reg_tokens", "pre_norm",
         "fc_norm", "global_pool", "mlp_layer", "act_layer", "norm_eps"];

    private static readonly string[] WithoutEffect =
        ["img_size", "in_chans", "num_classes", "dynamic_img_size", "drop_rate", "pos_drop_rate", "patch_drop_rate", "proj_drop_rate", "attn_drop_rate", "drop_path_rate",
         "weight_init", "fix_init", "strict_img_size", "features_only", "pretrained"];

    public required int Width { get; init; }

    public required int Depth { get; init; }

    public required int Heads { get; init; }

    public required int PatchSizePx { get; init; }

    /// <summary>Outputs of the feed-forward's first layer, both halves of a gated one.</summary>
    public required int Hidden { get; init; }

    /// <summary>The first layer's outputs are a gate and a value, as in SwiGLU.</summary>
    public required bool IsGated { get; init; }

    /// <summary>The activation belongs to the first half (SwiGLU), not to the second (GLU).</summary>
    public required bool GatesFirst { get; init; }

    public required Activation Activation { get; init; }

    public required bool HasClassToken { get; init; }

    public required int Registers { get; init; }

    public required string RegisterKey { get; init; }

    public required bool HasPositions { get; init; }

    /// <summary>Prefix tokens that have a position embedding.</summary>
    public required int PositionedPrefix { get; init; }

    /// <summary>Side of the patch grid of the position embeddings.</summary>
    public required int TrainedGrid { get; init; }

    /// <summary>Side of the patch grid of the tile.</summary>
    public required int Grid { get; init; }

    public required TokenPooling Pooling { get; init; }

    public required float NormEpsilon { get; init; }

    public int PrefixTokens => (HasClassToken ? 1 : 0) + Registers;

    public int Patches => Grid * Grid;

    public int Tokens => PrefixTokens + Patches;

    public static VisionTransformerForm Of(StateDict weights, EncoderGraph encoder)
    {
        TimmConfig config = encoder.Config;
        string[] unknown = [.. config.ModelArguments.Except(Followed).Except(WithoutEffect)];
        if (unknown.Length > 0)
        {
            throw new ImportOptionException($"config.json: model_args {string.Join(", ", unknown)} may change the result and are not read; export the model to ONNX and import that.");
        }

        int width = (int)weights.Extent("patch_embed.proj.weight", 0);
        int patch = (int)weights.Extent("patch_embed.proj.weight", 2);
        if (encoder.TileSizePx % patch != 0)
        {
            throw new ImportOptionException($"A tile of {encoder.TileSizePx} px is not a whole number of patches of {patch} px; give another --tile-size.");
        }

        string first = VisionTransformer.BlockPrefix(weights, 0) ?? throw weights.Fail("has no blocks.0.norm1.weight; it is no vision transformer that is known.");
        int depth = 1;
        while (VisionTransformer.BlockPrefix(weights, depth) is not null)
        {
            depth++;
        }

        bool dino = weights.Has($"{first}mlp.w12.weight");
        int hidden = (int)weights.Extent(first + (dino ? "mlp.w12.weight" : "mlp.fc1.weight"), 0);
        bool gated = weights.Extent(first + (dino ? "mlp.w3.weight" : "mlp.fc2.weight"), 1) * 2 == hidden;
        bool classToken = weights.Has("cls_token");
        string registerKey = weights.Has("register_tokens") ? "register_tokens" : "reg_token";
        int registers = weights.Has(registerKey) ? (int)weights.Extent(registerKey, 1) : 0;
        (int positioned, int trained) = Positions(weights, config, classToken ? 1 : 0, registers, registerKey == "register_tokens");
        Activation activation = ActivationOf(config, gated);
        bool gatesFirst = !gated || LastWord(config.Word("mlp_layer")) is not "glumlp";
        if (gated && config.Word("act_layer") is null)
        {
            encoder.Note("feed-forward: gated, and no act_layer is given; read as SwiGLU (SiLU of the first half times the second)");
        }

        VisionTransformerForm form = new()
        {
            Width = width,
            Depth = depth,
            Heads = HeadsOf(weights, config, first, width),
            PatchSizePx = patch,
            Hidden = hidden,
            IsGated = gated,
            GatesFirst = gatesFirst,
            Activation = activation,
            HasClassToken = classToken,
            Registers = registers,
            RegisterKey = registerKey,
            HasPositions = weights.Has("pos_embed"),
            PositionedPrefix = positioned,
            TrainedGrid = trained,
            Grid = encoder.TileSizePx / patch,
            Pooling = PoolingOf(weights, config, classToken),
            NormEpsilon = config.Number("norm_eps") ?? (config.Architecture.Contains("clip", StringComparison.Ordinal) ? 1e-5f : 1e-6f),
        };
        form.Compare(config, weights, first);
        if (form.HasPositions && form.TrainedGrid != form.Grid)
        {
            encoder.Note($"positions: resized from {form.TrainedGrid} x {form.TrainedGrid} to {form.Grid} x {form.Grid} patches");
        }

        return form;
    }

    public override string ToString() =>
        $"ViT, patch {PatchSizePx}, {Depth} blocks of width {Width}, {Heads} heads{(Registers > 0 ? $", {Registers} register tokens" : "")}{(IsGated ? ", gated" : "")}, " +
        Pooling switch { TokenPooling.Token => "class token", TokenPooling.Mean => "mean of patch tokens", _ => "class token and mean of patch tokens" };

    private static int HeadsOf(StateDict weights, TimmConfig config, string first, int width)
    {
        int heads = config.WholeNumber("num_heads")
            ?? (weights.Has($"{first}attn.q_norm.weight") ? width / (int)weights.Extent($"{first}attn.q_norm.weight", 0) : UsualHeads.GetValueOrDefault(width));
        return heads > 0 && width % heads == 0
            ? heads
            : throw new ImportOptionException($"The number of attention heads at width {width} is not known{(heads > 0 ? $" ({heads} does not divide it)" : "")}; give --set num_heads=N.");
    }

    /// <summary>Prefix tokens with positions, and the side of the grid: what is left must be a square.</summary>
    private static (int Prefix, int Grid) Positions(StateDict weights, TimmConfig config, int classToken, int registers, bool dinoRegisters)
    {
        if (!weights.Has("pos_embed"))
        {
            return (0, 0);
        }

        int rows = (int)weights.Extent("pos_embed", 1);
        int[] prefixes = dinoRegisters ? [classToken] : config.Flag("no_embed_class") switch
        {
            true => [0],
            false => [classToken + registers],
            null => [classToken + registers, 0],
        };
        (int Prefix, int Grid)[] fits = [.. prefixes.Distinct().Select(p => (p, (int)Math.Round(Math.Sqrt(Math.Max(rows - p, 0))))).Where(f => f.Item2 > 0 && f.Item2 * f.Item2 == rows - f.p)];
        return fits switch
        {
            [var one] => one,
            [] => throw weights.Fail($"key 'pos_embed' has {rows} rows, which is no square grid with {string.Join(" or ", prefixes)} rows before it."),
            _ => throw new ImportOptionException("The position embeddings may or may not include the prefix tokens; give --set no_embed_class=true or false."),
        };
    }

    private static Activation ActivationOf(TimmConfig config, bool gated)
    {
        string? word = LastWord(config.Word("act_layer"));
        return word switch
        {
            null when gated => Activation.Silu,
            null => config.Architecture.Contains("quickgelu", StringComparison.Ordinal) ? Activation.QuickGelu : Activation.Gelu,
            "gelu" => Activation.Gelu,
            "quickgelu" => Activation.QuickGelu,
            "silu" or "swish" => Activation.Silu,
            "relu" => Activation.Relu,
            "sigmoid" => Activation.Sigmoid,
            _ => throw new ImportOptionException($"act_layer '{word}' is not known; gelu, quick_gelu, silu, relu and sigmoid are."),
        };
    }

    private static TokenPooling PoolingOf(StateDict weights, TimmConfig config, bool classToken)
    {
        string? word = config.Word("pooling") ?? config.Word("global_pool");
        TokenPooling pooling = word switch
        {
            null => classToken && !weights.Has("fc_norm.weight") ? TokenPooling.Token : TokenPooling.Mean,
            "token" => TokenPooling.Token,
            "avg" => TokenPooling.Mean,
            "class-and-mean" => TokenPooling.ClassAndMean,
            "" => throw new ImportOptionException("config.json leaves the pooling open (global_pool is empty); give --set pooling=token, avg or class-and-mean."),
            _ => throw new ImportOptionException($"Pooling '{word}' is not known; token, avg and class-and-mean are (--set pooling=…)."),
        };
        return classToken || pooling == TokenPooling.Mean
            ? pooling
            : throw new ImportOptionException("This checkpoint has no class token; give --set pooling=avg.");
    }

    /// <summary>torch.nn.SiLU, SiLU and silu are one word.</summary>
    private static string? LastWord(string? name) => name?.Split('.')[^1].Replace("_", "", StringComparison.Ordinal).ToLowerInvariant();

    /// <summary>What the configuration says of the keys must be what they are.</summary>
    private void Compare(TimmConfig config, StateDict weights, string first)
    {
        Check("embed_dim", config.WholeNumber("embed_dim"), Width);
        Check("depth", config.WholeNumber("depth"), Depth);
        Check("patch_size", config.WholeNumber("patch_size"), PatchSizePx);
        Check("reg_tokens", config.WholeNumber("reg_tokens"), Registers);
        Check("class_token", config.Flag("class_token"), HasClassToken);
        Check("qkv_bias", config.Flag("qkv_bias"), weights.Has($"{first}attn.qkv.bias"));
        Check("qk_norm", config.Flag("qk_norm"), weights.Has($"{first}attn.q_norm.weight"));
        Check("pre_norm", config.Flag("pre_norm"), weights.Has("norm_pre.weight"));
        static void Check<T>(string name, T? said, T found)
            where T : struct
        {
            if (said is { } value && !value.Equals(found))
            {
                throw new ImportOptionException($"The configuration says {name} {value}, the checkpoint has {found}; give the configuration that belongs to it.");
            }
        }
    }
}
