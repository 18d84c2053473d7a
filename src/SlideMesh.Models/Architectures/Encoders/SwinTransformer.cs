using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Encoders;

/// <summary>
/// Swin-T (Liu et al. 2021) with windows of 7 × 7: torchvision's keys, timm's, and those of the authors and of older timm files (a
/// stage's downsampling at its end), with CTransPath's convolutional stem too. Tokens are kept as [N, S · S, C]; padding, rolling and cutting into windows are one gather.
/// </summary>
internal sealed class SwinTransformer : IArchitecture
{
    private const int WindowSide = 7;
    private const int HeadWidth = 32;
    private const float Epsilon = 1e-5f;
    private const int SmallestTimmTile = 224;

    public string Name => "swin-tiny";

    public string Description => "Swin-T, windows of 7 (torchvision's, timm's, the authors' or CTransPath's keys)";

    public bool Recognises(StateDict weights) => IsTimm(weights)
        ? (weights.Has("patch_embed.proj.weight") || HasConvolutionalStem(weights)) && weights.ShapeOf("layers.0.blocks.0.attn.relative_position_bias_table") is [169, 3]
        : weights.HasAll("features.0.2.weight", "features.2.reduction.weight") && weights.ShapeOf("features.1.0.attn.relative_position_bias_table") is [169, 3];

    public ModelDesign Build(StateDict weights, ImportOptions options)
    {
        ArgumentNullException.ThrowIfNull(weights);
        EncoderGraph encoder = new(Name, options, 224, EncoderGraph.ImageNet);
        encoder.RequireConvolutional("swin_tiny_patch4_window7", "swin_t", "swin_tiny", "ctranspath");
        bool timm = IsTimm(weights);
        if (timm && encoder.TileSizePx < SmallestTimmTile)
        {
            throw new ImportOptionException($"Swin in timm's form shrinks its windows below {SmallestTimmTile} px, which is not read; give a larger --tile-size.");
        }

        OnnxGraph g = encoder.Graph;
        FeatureMap stem = HasConvolutionalStem(weights)
            ? ConvolutionalStem(g, encoder.Pixels, weights.Below("patch_embed.proj."))
            : g.Conv(encoder.Pixels, weights, timm ? "patch_embed.proj" : "features.0.0", Window.Valid(4, 4));
        GraphValue tokens = g.Transpose(g.Reshape(stem.Value, -1, stem.Channels, stem.Side * stem.Side), 0, 2, 1);
        TokenGrid x = Norm(g, new TokenGrid(tokens, stem.Channels, stem.Side), weights, timm ? "patch_embed.norm" : "features.0.2");

        // timm moved the downsampling from the end of a stage to the start of the next.
        bool atEnd = weights.Has("layers.0.downsample.reduction.weight");
        List<int> depths = [];
        for (int stage = 0; stage < 4; stage++)
        {
            if (stage > 0)
            {
                x = Merge(g, x, weights.Below(timm ? $"layers.{(atEnd ? stage - 1 : stage)}.downsample." : $"features.{2 * stage}."));
            }

            int block = 0;
            while (weights.Below(BlockPrefix(timm, stage, block)) is { } w && w.Has("norm1.weight"))
            {
                x = Block(g, x, w, timm ? ("mlp.fc1", "mlp.fc2") : ("mlp.0", "mlp.3"), shifted: block % 2 == 1);
                block++;
            }

            depths.Add(block);
        }

        x = Norm(g, x, weights, "norm");
        weights.IgnoreWhere(k => k.EndsWith("relative_position_index", StringComparison.Ordinal), "follows from the window's size");
        weights.IgnoreWhere(k => k.EndsWith("attn_mask", StringComparison.Ordinal), "follows from the tile's size");
        return encoder.Finish(
            weights, g.Mean(x.Value, false, 1), x.Channels, weights.Has("head.fc.weight") ? "head.fc" : "head", $"Swin-T, {string.Join("-", depths)} blocks, windows of {WindowSide}");
    }

    private static bool IsTimm(StateDict weights) => weights.Has("layers.0.blocks.0.norm1.weight");

    private static bool HasConvolutionalStem(StateDict weights) => weights.Has("patch_embed.proj.6.weight");

    /// <summary>CTransPath's: two 3 × 3 convolutions of stride 2 with batch norms, then one of 1 × 1.</summary>
    private static FeatureMap ConvolutionalStem(OnnxGraph g, FeatureMap pixels, StateDict w)
    {
        FeatureMap x = g.Relu(g.ConvNorm(pixels, w, "0", "1", Window.Same(3, 2)));
        x = g.Relu(g.ConvNorm(x, w, "3", "4", Window.Same(3, 2)));
        return g.Conv(x, w, "6", Window.Same(1));
    }

    private static string BlockPrefix(bool timm, int stage, int block) => timm ? $"layers.{stage}.blocks.{block}." : $"features.{(2 * stage) + 1}.{block}.";

    private static TokenGrid Norm(OnnxGraph g, TokenGrid x, StateDict w, string key) =>
        x with { Value = g.LayerNorm(x.Value, w.Take($"{key}.weight", x.Channels), w.Take($"{key}.bias", x.Channels), Epsilon) };

    private static TokenGrid Block(OnnxGraph g, TokenGrid x, StateDict w, (string Up, string Down) mlp, bool shifted)
    {
        WindowGrid windows = new(x.Side, WindowSide, shifted);
        int heads = x.Channels / HeadWidth;
        Weight table = w.Take("attn.relative_position_bias_table", windows.TableRows, heads);
        Weight bias = Weight.Of(table.Name, [1, windows.Shift > 0 ? windows.Count : 1, heads, windows.Area, windows.Area], () => windows.ScoreBias(table.Load(), heads));
        SelfAttention attention = new(g, x.Channels, heads, windows.Area)
        {
            // Scores are [N · windows, heads, 49, 49]; a shifted block's mask differs from window to window.
            AddToScores = scores => windows.Shift > 0
                ? g.Reshape(
                    g.Add(g.Reshape(scores, -1, windows.Count, heads, windows.Area, windows.Area), g.Weight(bias)), -1, heads, windows.Area, windows.Area)
                : g.Add(scores, g.Weight(bias.Reshape(1, heads, windows.Area, windows.Area))),
        };

        GraphValue y = Norm(g, x, w, "norm1").Value;
        y = Gather(g, windows.IsPadded ? WithZero(g, y) : y, windows.TokenOfCell);
        y = attention.Attend(g.Reshape(y, -1, windows.Area, x.Channels), w, AttentionKeys.Packed("attn."));
        y = Gather(g, g.Reshape(y, -1, windows.Count * windows.Area, x.Channels), windows.CellOfToken);
        x = x with { Value = g.Add(x.Value, y) };

        y = Norm(g, x, w, "norm2").Value;
        y = g.Gelu(g.Linear(y, w.Take($"{mlp.Up}.weight", 4L * x.Channels, x.Channels), w.Take($"{mlp.Up}.bias", 4L * x.Channels)));
        y = g.Linear(y, w.Take($"{mlp.Down}.weight", x.Channels, 4L * x.Channels), w.Take($"{mlp.Down}.bias", x.Channels));
        return x with { Value = g.Add(x.Value, y) };
    }

    /// <summary>Four neighbours become one token of four times the channels, then half of those; an odd grid is padded with zeros.</summary>
    private static TokenGrid Merge(OnnxGraph g, TokenGrid x, StateDict w)
    {
        int side = (x.Side + 1) / 2;
        long[] order = new long[side * side * 4];
        for (int i = 0; i < order.Length; i++)
        {
            // The four in the order (0, 0), (1, 0), (0, 1), (1, 1) of row and column.
            int row = (2 * (i / 4 / side)) + (i % 2);
            int column = (2 * (i / 4 % side)) + (i / 2 % 2);
            order[i] = row < x.Side && column < x.Side ? (row * x.Side) + column : x.Side * x.Side;
        }

        GraphValue y = Gather(g, x.Side % 2 == 1 ? WithZero(g, x.Value) : x.Value, order);
        TokenGrid four = new(g.Reshape(y, -1, side * side, 4L * x.Channels), 4 * x.Channels, side);
        y = g.Linear(Norm(g, four, w, "norm").Value, w.Take("reduction.weight", 2L * x.Channels, 4L * x.Channels), null);
        return new TokenGrid(y, 2 * x.Channels, side);
    }

    private static GraphValue Gather(OnnxGraph g, GraphValue tokens, long[] order) => g.Node("Gather", [tokens, g.Integers(order)], ("axis", 1));

    /// <summary>A token of zeros behind the last one.</summary>
    private static GraphValue WithZero(OnnxGraph g, GraphValue tokens) => g.Node("Pad", [tokens, g.Integers(0, 0, 0, 0, 1, 0)]);

    /// <summary>Tokens of a square grid, [N, Side · Side, Channels].</summary>
    private readonly record struct TokenGrid(GraphValue Value, int Channels, int Side);
}
