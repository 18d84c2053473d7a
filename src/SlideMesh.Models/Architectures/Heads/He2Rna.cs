using System.Globalization;
using SlideMesh.Inference.Packages;
using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Heads;

/// <summary>
/// HE2RNA (Schmauch et al. 2020, owkin/HE2RNA_code): an MLP a tile gives a score a gene; a gene's prediction is the mean over a list of k
/// of the mean of its k highest scores. A slide with fewer than k tiles counts all of them. Deviation: their code lets a padded
/// tile's zero rank above a negative score; here only tiles that exist count.
/// </summary>
internal sealed class He2Rna : IArchitecture
{
    /// <summary>Columns of per-tile scores beyond which they are not put out: a map a gene helps nobody, and 100,000 × 20,000 numbers fit no memory.</summary>
    private const long MostMaps = 32;

    private static readonly long[] UsualKs = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000];

    public string Name => "he2rna";

    public string Description => "HE2RNA: gene expression by top-k averages of tile scores (owkin/HE2RNA_code)";

    public bool Recognises(StateDict weights) => weights.ShapeOf("conv0.weight") is [_, _, 1] && weights.Has("conv1.weight");

    public ModelDesign Build(StateDict weights, ImportOptions options)
    {
        long features = weights.Extent("conv0.weight", 1);
        long[] ks = Ks(options);
        OnnxGraph g = new("whole");
        GraphValue x = g.Input("features", -1, features);
        int last = 0;
        while (weights.Has($"conv{last + 1}.weight"))
        {
            last++;
        }

        long genes = weights.Extent($"conv{last}.weight", 0);
        for (int i = 0; i <= last; i++)
        {
            Weight kernel = weights.Take($"conv{i}.weight", -1, -1, 1);
            x = g.Linear(x, kernel.Reshape(kernel.Shape[0], kernel.Shape[1]), weights.Take($"conv{i}.bias", kernel.Shape[0]));
            x = i < last ? g.Relu(x) : x;
        }

        // [genes, min(k, N)], highest first; a slice that is longer than the row ends with it.
        GraphValue rows = g.Transpose(x, 1, 0);
        GraphValue most = g.Node("Min", [g.Slice(g.Node("Shape", [rows]), 0, 1, 2), g.Integers(ks.Max())]);
        GraphValue sorted = g.Node("TopK", [rows, most], 2, ("axis", 1), ("largest", 1), ("sorted", 1))[0];
        GraphValue[] means = [.. ks.Select(k => g.Mean(g.Slice(sorted, 1, 0, k), true, 1))];
        GraphValue mean = g.Mean(means.Length == 1 ? means[0] : g.Concat(1, means), false, 1);
        g.Output("expression", g.Reshape(mean, 1, genes), 1, genes);
        bool maps = genes <= MostMaps;
        if (maps)
        {
            g.Output(GraphRole.AttentionTensor, x, -1, genes);
        }

        IReadOnlyList<string> names = HeadAnswers.Labels(options.Classes, (int)genes, [.. Enumerable.Range(0, (int)genes).Select(i => $"gene {i}")]);
        return new ModelDesign
        {
            Kind = ModelKind.SlideHead,
            Graphs = new Dictionary<string, OnnxGraph> { [GraphRole.Whole] = g },
            FeatureDimension = (int)features,
            Outputs =
            [
                new TaskOutput
                {
                    Task = options.Task ?? "expression",
                    Tensor = "expression",
                    Type = OutputType.Regression,
                    Labels = names,
                    Unit = "log10(1 + FPKM-UQ)",
                    AttentionMaps = maps ? HeadAnswers.Maps(names, [.. Enumerable.Range(0, (int)genes)]) : [],
                },
            ],
            Description = $"HE2RNA, {last + 1} layers, {features} features, {genes} genes, k of {string.Join(", ", ks)}",
            Notes = maps ? [] : [$"{genes} genes: the scores of single tiles are not put out (up to {MostMaps} genes they are)"],
        };
    }

    private static long[] Ks(ImportOptions options)
    {
        if (options.Setting("k") is not { } text)
        {
            return UsualKs;
        }

        string[] parts = text.Split([',', ' ', '+'], StringSplitOptions.RemoveEmptyEntries);
        long[] ks = [.. parts.Select(p => long.TryParse(p, NumberStyles.None, CultureInfo.InvariantCulture, out long k) && k > 0 ? k : 0)];
        return ks.Length > 0 && ks.All(k => k > 0) ? ks : throw new ImportOptionException($"--set k={text}: whole numbers above 0 are needed, joined by '+', e.g. 10+20+50.");
    }
}
