using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Heads;

/// <summary>Layers that heads share, by their keys.</summary>
internal static class HeadOperators
{
    /// <summary>torch.nn.Linear with the keys <c>{prefix}weight</c> and, where it is there, <c>{prefix}bias</c>.</summary>
    public static GraphValue Linear(this OnnxGraph g, GraphValue x, StateDict weights, string prefix)
    {
        Weight weight = weights.Take(prefix + "weight", -1, -1);
        return g.Linear(x, weight, weights.TryTake(prefix + "bias", weight.Shape[0]));
    }

    /// <summary>c · (tanh(a x) ⊙ σ(b x)): raw scores [N, K] (Ilse et al. 2018, equation 9).</summary>
    public static GraphValue GatedAttention(this OnnxGraph g, GraphValue x, StateDict block) =>
        g.Linear(g.Mul(g.Tanh(g.Linear(x, block, "attention_a.0.")), g.Sigmoid(g.Linear(x, block, "attention_b.0."))), block, "attention_c.");

    /// <summary>A self-normalising network, <c>{i}.0</c>: linear layers with ELU (alpha dropout does nothing at prediction).</summary>
    public static GraphValue Snn(this OnnxGraph g, GraphValue x, StateDict weights, Func<GraphValue, GraphValue>? activation = null)
    {
        for (int i = 0; weights.Has($"{i}.0.weight"); i++)
        {
            x = g.Linear(x, weights, $"{i}.0.");
            x = activation is null ? g.Elu(x) : activation(x);
        }

        return x;
    }

    /// <summary>The activation that <c>--set activation=</c> names, else <paramref name="usual"/>.</summary>
    public static Func<GraphValue, GraphValue> Activation(this OnnxGraph g, ImportOptions options, string usual) => (options.Setting("activation") ?? usual) switch
    {
        "relu" => g.Relu,
        "sigmoid" => g.Sigmoid,
        "tanh" => g.Tanh,
        var other => throw new ImportOptionException($"--set activation={other}: relu, sigmoid or tanh is needed."),
    };

    /// <summary>Output width of a chain of layers <c>{i}.0</c>.</summary>
    public static long ChainWidth(this StateDict weights)
    {
        int last = 0;
        while (weights.Has($"{last + 1}.0.weight"))
        {
            last++;
        }

        return weights.Extent($"{last}.0.weight", 0);
    }

    /// <summary>
    /// Owkin's MLP: blocks <c>{i}.0</c> with an activation, then a linear layer <c>{n}</c>.
    /// </summary>
    public static GraphValue Mlp(this OnnxGraph g, GraphValue x, StateDict weights, Func<GraphValue, GraphValue> activation)
    {
        int i = 0;
        for (; weights.Has($"{i}.0.weight"); i++)
        {
            x = activation(g.Linear(x, weights, $"{i}.0."));
        }

        return g.Linear(x, weights, $"{i}.");
    }

    /// <summary>The key prefix of an <see cref="Mlp"/>'s last layer.</summary>
    public static string LastOfMlp(this StateDict weights)
    {
        int i = 0;
        while (weights.Has($"{i}.0.weight"))
        {
            i++;
        }

        return $"{i}.";
    }
}
