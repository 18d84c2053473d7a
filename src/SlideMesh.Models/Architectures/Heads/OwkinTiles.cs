using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Heads;

internal static class OwkinTiles
{
    /// <summary>Owkin's TilesMLP: linear layers at even places, sigmoids between, none after the last.</summary>
    public static GraphValue TileMlp(this OnnxGraph g, GraphValue x, StateDict layers)
    {
        x = g.Linear(x, layers, "0.");
        for (int i = 2; layers.Has($"{i}.weight"); i += 2)
        {
            x = g.Linear(g.Sigmoid(x), layers, $"{i}.");
        }

        return x;
    }

    /// <summary>Its output width.</summary>
    public static long TileMlpWidth(this StateDict layers)
    {
        int last = 0;
        while (layers.Has($"{last + 2}.weight"))
        {
            last += 2;
        }

        return layers.Extent($"{last}.weight", 0);
    }
}
