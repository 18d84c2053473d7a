using SlideMesh.Inference.Packages;
using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Heads.Survival;

/// <summary>
/// Deep sets with discrete hazards (MIL_Sum_FC_surv of mahmoodlab/MCAT and Patch-GCN): a layer a tile, summed, a layer, with or without
/// omics. The sum grows with the number of tiles, as in their code.
/// </summary>
internal sealed class DeepSets : IArchitecture
{
    public string Name => "deepsets-survival";

    public string Description => "sum over tiles with discrete hazards, with or without omics (MIL_Sum_FC_surv of mahmoodlab/MCAT and Patch-GCN)";

    public bool Recognises(StateDict weights) => weights.HasAll("phi.0.weight", "rho.0.weight", "classifier.weight");

    public ModelDesign Build(StateDict weights, ImportOptions options)
    {
        long features = weights.Extent("phi.0.weight", 1);
        long intervals = weights.Extent("classifier.weight", 0);
        bool takesOmics = weights.Has("fc_omic.0.0.weight");
        long genes = takesOmics ? weights.Extent("fc_omic.0.0.weight", 1) : 0;
        OnnxGraph instance = new("instance");
        GraphValue phi = instance.Relu(instance.Linear(instance.Input("features", -1, features), weights, "phi.0."));
        long width = weights.Extent("phi.0.weight", 0);
        instance.Output(GraphRole.HiddenTensor, phi, -1, width);
        OnnxGraph g = new("bag");
        GraphValue h = g.Reshape(g.Input(GraphRole.PooledTensor, 1, 1, width), 1, width);
        h = g.Relu(g.Linear(h, weights, "rho.0."));
        if (takesOmics)
        {
            GraphValue omics = g.Snn(g.Input(GraphRole.OmicsTensor, 1, genes), weights.Below("fc_omic."), AttentionSurvival.OmicsActivation(g, options));
            h = g.Fuse(h, omics, weights.Below("mm."), options);
        }

        g.Output(HeadAnswers.Logits, g.Linear(h, weights, "classifier."), 1, intervals);
        return new ModelDesign
        {
            Kind = ModelKind.SlideHead,
            Graphs = new Dictionary<string, OnnxGraph> { [GraphRole.Instance] = instance, [GraphRole.Bag] = g },
            Pooling = Pooling.Sum,
            FeatureDimension = (int)features,
            OmicsFeatures = (int)genes,
            Outputs = [HeadAnswers.Hazards(options, intervals, attention: null)],
            Description = $"{Name}, {features} features, {intervals} intervals{(takesOmics ? $", {genes} omics features" : "")}",
        };
    }
}
