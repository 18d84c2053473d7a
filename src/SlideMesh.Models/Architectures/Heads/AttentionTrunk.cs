using SlideMesh.Inference.Packages;
using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Heads;

/// <summary>
/// The layers that CLAM, TOAD, PORPOISE and MCAT's baselines share, a Sequential named <c>attention_net</c>: linear layers with ReLU, then
/// an attention block. Dropout layers have no weights, but their places shift the numbers: trunks trained with and without differ in
/// their keys only.
/// </summary>
internal sealed class AttentionTrunk
{
    public const string Name = "attention_net.";

    private readonly StateDict _weights;
    private readonly int[] _linear;
    private readonly int _attention;

    private AttentionTrunk(StateDict weights, int[] linear, int attention)
    {
        _weights = weights;
        _linear = linear;
        _attention = attention;
    }

    /// <summary>Width D of a tile's features.</summary>
    public long Features => _weights.Extent($"{_linear[0]}.weight", 1);

    /// <summary>Width H of a hidden row.</summary>
    public long Hidden => _weights.Extent($"{_linear[^1]}.weight", 0);

    /// <summary>Linear layers before the attention.</summary>
    public int Depth => _linear.Length;

    public bool IsGated => _weights.Has($"{_attention}.attention_a.0.weight");

    /// <summary>Attention rows K.</summary>
    public long Columns => _weights.Extent(IsGated ? $"{_attention}.attention_c.weight" : $"{LastOfPlain}.weight", 0);

    // Linear, tanh, (dropout,) linear.
    private string LastOfPlain => _weights.Has($"{_attention}.2.weight") ? $"{_attention}.2" : $"{_attention}.3";

    /// <summary>The trunk of a checkpoint; null when it has none of this kind.</summary>
    public static AttentionTrunk? Find(StateDict weights)
    {
        StateDict below = weights.Below(Name);
        int[] linear = [.. Enumerable.Range(0, 10).Where(i => below.ShapeOf($"{i}.weight") is { Count: 2 })];
        int attention = Enumerable.Range(0, 10).FirstOrDefault(i => below.Has($"{i}.attention_a.0.weight") || below.Has($"{i}.0.weight"), -1);
        return linear.Length > 0 && attention > linear[^1] ? new AttentionTrunk(below, linear, attention) : null;
    }

    /// <summary>The graph <c>instance</c>: features → hidden rows and raw attention.</summary>
    public OnnxGraph Instance()
    {
        OnnxGraph g = new("instance");
        GraphValue h = g.Input("features", -1, Features);
        foreach (int layer in _linear)
        {
            h = g.Relu(g.Linear(h, _weights, $"{layer}."));
        }

        StateDict block = _weights.Below($"{_attention}.");
        GraphValue attention = IsGated
            ? g.GatedAttention(h, block)
            : g.Linear(g.Tanh(g.Linear(h, block, "0.")), _weights, $"{LastOfPlain}.");
        g.Output(GraphRole.HiddenTensor, h, -1, Hidden);
        g.Output(GraphRole.AttentionTensor, attention, -1, Columns);
        return g;
    }
}
