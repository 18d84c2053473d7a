using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Encoders;

/// <summary>Keys of a linear layer, a convolution or a norm.</summary>
internal sealed record LayerKeys(string Weight, string Bias)
{
    public static LayerKeys Of(string name) => new($"{name}.weight", $"{name}.bias");
}

/// <summary>Keys of a self-attention.</summary>
/// <param name="Qkv">One layer for queries, keys and values in this order, or three.</param>
internal sealed record AttentionKeys(IReadOnlyList<LayerKeys> Qkv, LayerKeys Projection)
{
    /// <summary>Norms over each head's queries and keys; a checkpoint without them has no such keys.</summary>
    public LayerKeys QueryNorm { get; init; } = LayerKeys.Of("q_norm");

    public LayerKeys KeyNorm { get; init; } = LayerKeys.Of("k_norm");

    /// <summary>timm's and torchvision's names below a prefix that ends in a dot.</summary>
    public static AttentionKeys Packed(string prefix) => new([LayerKeys.Of($"{prefix}qkv")], LayerKeys.Of($"{prefix}proj"))
    {
        QueryNorm = LayerKeys.Of($"{prefix}q_norm"),
        KeyNorm = LayerKeys.Of($"{prefix}k_norm"),
    };

    /// <summary>Queries', keys' and values' rows, one after another: [3 C, C] and [3 C].</summary>
    public (Weight Weight, Weight? Bias) TakeQkv(StateDict w, long width)
    {
        if (Qkv is [var packed])
        {
            return (w.Take(packed.Weight, 3 * width, width), w.TryTake(packed.Bias, 3 * width));
        }

        Weight weight = Graphs.Weight.Concat($"{Qkv[0].Weight}.qkv", [.. Qkv.Select(k => w.Take(k.Weight, width, width))]);
        return (weight, w.Has(Qkv[0].Bias) ? Graphs.Weight.Concat($"{Qkv[0].Bias}.qkv", [.. Qkv.Select(k => w.Take(k.Bias, width))]) : null);
    }
}

/// <summary>Keys of one block of a vision transformer.</summary>
/// <param name="Scales">Layer scale behind the attention and behind the feed-forward, under each name that is in use.</param>
internal sealed record BlockKeys(LayerKeys Norm1, AttentionKeys Attention, LayerKeys Norm2, LayerKeys Up, LayerKeys Down, IReadOnlyList<(string Attention, string FeedForward)> Scales);
