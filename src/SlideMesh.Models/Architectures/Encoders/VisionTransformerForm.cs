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
}

/// <summary>A vision transformer's sizes and choices: from the keys' shapes, and where they do not tell from the configuration.</summary>
internal sealed record VisionTransformerForm
{
    // Heads by width, of timm's and DINOv2's models; shapes do not tell them.
    private static readonly Dictionary<int, int> UsualHeads = new()
    {
        [192] = 3, [384] = 6, [512] = 8, [768] = 12, [1024] = 16, [1280] = 16, [1408] = 16, [1536] = 24, [1664] = 16,
    };

    // Every pair of tokens is a number: a tile of 4,096 px has 262,144 of these already.
    private const int SmallestPatchPx = 8;

    // model_args that the graph follows.
    private static readonly string[] Followed =
        ["patch_size", "embed_dim", "depth", "num_heads", "mlp_ratio", "qkv_bias", "qk_norm", "init_values", "class_token", "no_embed_class", "reg_tokens", "pre_norm",
         "fc_norm", "mlp_layer", "act_layer", "norm_eps", "pos_embed"];

    // Parts of timm's names whose nets compute something else from these keys: norms behind the layers, rotary positions, GELU by tanh.
    private static readonly string[] OtherNets = ["_rpn_", "_rope_", "_siglip_", "_tipsv2"];

    public required int Width { get; init; }

    public required int Depth { get; init; }

    public required int Heads { get; init; }

    public required int PatchSizePx { get; init; }

    /// <summary>Outputs of the feed-forward's first layer, both halves of a gated one.</summary>
    public required int Hidden { get; init; }

    /// <summary>The first layer's outputs are a gate, which the activation belongs to, and a value, as in SwiGLU.</summary>
    public required bool IsGated { get; init; }

    public required Activation Activation { get; init; }

    public required bool HasClassToken { get; init; }

    public required int Registers { get; init; }

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

    public static VisionTransformerForm Of(StateDict weights, VisionTransformerKeys keys, EncoderGraph encoder)
    {
        TimmConfig config = encoder.Config;
        config.RequireKnown(Followed, "vit", "deit", "deit3");
        if (OtherNets.FirstOrDefault(part => config.Architecture.Contains(part, StringComparison.Ordinal)) is not null)
        {
            throw new ImportOptionException($"config.json is for '{config.Architecture}', which computes otherwise than the nets that are read; export the model to ONNX and import that.");
        }

        int width = (int)weights.Extent($"{keys.Patches}.weight", 0);
        int patch = (int)weights.Extent($"{keys.Patches}.weight", 2);
        if (patch < SmallestPatchPx || encoder.TileSizePx % patch != 0)
        {
            throw new ImportOptionException($"A tile of {encoder.TileSizePx} px is not a whole number of patches of {patch} px (8 at least); give another --tile-size.");
        }

        BlockKeys first = keys.Block(0);
        int depth = 1;
        while (weights.Has(keys.Block(depth).Norm1.Weight))
        {
            depth++;
        }

        int hidden = (int)weights.Extent(first.Up.Weight, 0);
        bool gated = weights.Extent(first.Down.Weight, 1) * 2 == hidden;
        bool classToken = weights.Has(keys.ClassToken);
        int registers = weights.Has(keys.Registers) ? (int)weights.Extent(keys.Registers, 1) : 0;
        (int positioned, int trained) = TrainedPositions(weights, keys, config, classToken ? 1 : 0, registers);
        Activation activation = ActivationOf(config, gated);
        if (LastWord(config.Word("mlp_layer")) is { } layer && layer != (gated ? "swiglupacked" : "mlp"))
        {
            throw new ImportOptionException($"mlp_layer '{config.Word("mlp_layer")}' is not read with these keys, which are a {(gated ? "SwiGLUPacked" : "Mlp")}'s; export the model to ONNX and import that.");
        }

        if (gated && ActivationWord(config) is null)
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
            Activation = activation,
            HasClassToken = classToken,
            Registers = registers,
            HasPositions = weights.Has(keys.Positions),
            PositionedPrefix = positioned,
            TrainedGrid = trained,
            Grid = encoder.TileSizePx / patch,
            Pooling = PoolingOf(weights, config, classToken),
            NormEpsilon = config.Number("norm_eps") ?? config.Number("layer_norm_eps") ?? (config.Architecture.Contains("clip", StringComparison.Ordinal) ? 1e-5f : keys.NormEpsilon),
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

    private static int HeadsOf(StateDict weights, TimmConfig config, BlockKeys first, int width)
    {
        int heads = config.WholeNumber("heads") ?? config.WholeNumber("num_heads") ?? config.WholeNumber("num_attention_heads")
            ?? (weights.ShapeOf(first.Attention.QueryNorm.Weight) is [> 0 and var headWidth] && headWidth < width ? width / (int)headWidth : UsualHeads.GetValueOrDefault(width));
        return heads > 0 && width % heads == 0
            ? heads
            : throw new ImportOptionException($"The number of attention heads at width {width} is not known{(heads > 0 ? $" ({heads} does not divide it)" : "")}; give --set heads=N.");
    }

    /// <summary>Prefix tokens with positions, and the side of the grid: what is left must be a square.</summary>
    private static (int Prefix, int Grid) TrainedPositions(StateDict weights, VisionTransformerKeys keys, TimmConfig config, int classToken, int registers)
    {
        if (!weights.Has(keys.Positions))
        {
            // Positions that have no weights (rotary ones) would be left out without a trace.
            return config.Word("pos_embed") == "none"
                ? (0, 0)
                : throw weights.Fail($"has no key '{keys.Positions}'; give --set pos_embed=none when the model was trained without positions.");
        }

        int rows = (int)weights.Extent(keys.Positions, 1);
        int[] prefixes = !keys.RegistersHavePositions ? [classToken] : config.Flag("no_embed_class") switch
        {
            true => [0],
            false => [classToken + registers],
            null => [classToken + registers, 0],
        };
        (int Prefix, int Grid)[] fits = [.. prefixes.Distinct().Select(p => (p, (int)Math.Round(Math.Sqrt(Math.Max(rows - p, 0))))).Where(f => f.Item2 > 0 && f.Item2 * f.Item2 == rows - f.p)];
        return fits switch
        {
            [var one] => one,
            [] => throw weights.Fail($"key '{keys.Positions}' has {rows} rows, which is no square grid with {string.Join(" or ", prefixes)} rows before it."),
            _ => throw new ImportOptionException("The position embeddings may or may not include the prefix tokens; give --set no_embed_class=true or false."),
        };
    }

    private static Activation ActivationOf(TimmConfig config, bool gated)
    {
        string? word = LastWord(ActivationWord(config));
        return word switch
        {
            null when gated => Activation.Silu,
            null => config.Architecture.Contains("quickgelu", StringComparison.Ordinal) ? Activation.QuickGelu : Activation.Gelu,
            "gelu" => Activation.Gelu,
            "quickgelu" => Activation.QuickGelu,
            "silu" or "swish" => Activation.Silu,
            "relu" => Activation.Relu,
            _ => throw new ImportOptionException($"act_layer '{word}' is not known; gelu, quick_gelu, silu and relu are."),
        };
    }

    /// <summary>timm says act_layer, Hugging Face hidden_act.</summary>
    private static string? ActivationWord(TimmConfig config) => config.Word("act_layer") ?? config.Word("hidden_act");

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
        if (pooling == TokenPooling.ClassAndMean && weights.Has("fc_norm.weight"))
        {
            throw new ImportOptionException("This checkpoint's norm lies behind the pooling (fc_norm), where class-and-mean has twice its width; give --set pooling=token or avg.");
        }

        return classToken || pooling == TokenPooling.Mean
            ? pooling
            : throw new ImportOptionException("This checkpoint has no class token; give --set pooling=avg.");
    }

    /// <summary>torch.nn.SiLU, SiLU and silu are one word.</summary>
    private static string? LastWord(string? name) => name?.Split('.')[^1].Replace("_", "", StringComparison.Ordinal).ToLowerInvariant();

    /// <summary>What the configuration says of the keys must be what they are.</summary>
    private void Compare(TimmConfig config, StateDict weights, BlockKeys first)
    {
        Check("embed_dim", config.WholeNumber("embed_dim"), Width);
        Check("depth", config.WholeNumber("depth"), Depth);
        Check("hidden_size", config.WholeNumber("hidden_size"), Width);
        Check("num_hidden_layers", config.WholeNumber("num_hidden_layers"), Depth);
        Check("num_register_tokens", config.WholeNumber("num_register_tokens"), Registers);
        Check("patch_size", config.WholeNumber("patch_size"), PatchSizePx);
        Check("reg_tokens", config.WholeNumber("reg_tokens"), Registers);
        Check("class_token", config.Flag("class_token"), HasClassToken);
        Check("qkv_bias", config.Flag("qkv_bias"), weights.Has(first.Attention.Qkv[0].Bias));
        Check("qk_norm", config.Flag("qk_norm"), weights.Has(first.Attention.QueryNorm.Weight));
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
