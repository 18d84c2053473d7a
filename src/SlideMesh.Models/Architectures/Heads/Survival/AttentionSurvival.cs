using SlideMesh.Inference.Packages;
using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Heads.Survival;

/// <summary>
/// Gated attention with a head of discrete hazards: PORPOISE's AMIL (<c>classifier</c> on the pooled row), the attention baseline of MCAT
/// and Patch-GCN (a layer <c>rho</c> between), and PORPOISE's MMF (<c>classifier_mm</c>), the last two with omics where the keys have them.
/// One builder: they differ in which layers are there.
/// </summary>
internal sealed class AttentionSurvival(AttentionSurvival.Form form) : IArchitecture
{
    public enum Form
    {
        PorpoiseAmil,
        Baseline,
        PorpoiseMmf,
    }

    public string Name => form switch
    {
        Form.PorpoiseAmil => "porpoise-amil",
        Form.PorpoiseMmf => "porpoise-mmf",
        _ => "amil-survival",
    };

    public string Description => form switch
    {
        Form.PorpoiseAmil => "attention with discrete hazards (mahmoodlab/PORPOISE, PorpoiseAMIL)",
        Form.PorpoiseMmf => "attention and omics, gated bilinear fusion, discrete hazards (mahmoodlab/PORPOISE, PorpoiseMMF)",
        _ => "attention with discrete hazards, with or without omics (MIL_Attention_FC_surv of mahmoodlab/MCAT and Patch-GCN)",
    };

    private string Classifier => form == Form.PorpoiseMmf ? "classifier_mm." : "classifier.";

    public bool Recognises(StateDict weights) => weights.Has(Classifier + "weight") && !weights.Has("site_classifier.weight")
        && weights.Has("rho.0.weight") == (form != Form.PorpoiseAmil) && AttentionTrunk.Find(weights) is { Columns: 1 };

    public ModelDesign Build(StateDict weights, ImportOptions options)
    {
        AttentionTrunk trunk = AttentionTrunk.Find(weights) ?? throw weights.Fail("has no attention_net.");
        bool takesOmics = weights.Has("fc_omic.0.0.weight");
        long genes = takesOmics ? weights.Extent("fc_omic.0.0.weight", 1) : 0;
        long intervals = weights.Extent(Classifier + "weight", 0);
        OnnxGraph bag = new("bag");
        GraphValue h = bag.Reshape(bag.Input(GraphRole.PooledTensor, 1, 1, trunk.Hidden), 1, trunk.Hidden);
        h = form == Form.PorpoiseAmil ? h : bag.Relu(bag.Linear(h, weights, "rho.0."));
        if (takesOmics)
        {
            GraphValue omics = bag.Snn(bag.Input(GraphRole.OmicsTensor, 1, genes), weights.Below("fc_omic."), OmicsActivation(bag, options));
            h = bag.Fuse(h, omics, weights.Below("mm."), options);
        }

        bag.Output(HeadAnswers.Logits, bag.Linear(h, weights, Classifier), 1, intervals);
        OnnxGraph instance = trunk.Instance();
        string fusion = !takesOmics ? "" : $", {genes} omics features by {(ModalityFusion.IsBilinear(weights.Below("mm.")) ? "gated bilinear fusion" : "concatenation")}";
        return new ModelDesign
        {
            Kind = ModelKind.SlideHead,
            Graphs = new Dictionary<string, OnnxGraph> { [GraphRole.Instance] = instance, [GraphRole.Bag] = bag },
            FeatureDimension = (int)trunk.Features,
            OmicsFeatures = (int)genes,
            Outputs = [HeadAnswers.Hazards(options, intervals, attention: 0)],
            Description = $"{Name}, {trunk.Features} features, {intervals} intervals{fusion}",
        };
    }

    /// <summary>PORPOISE can be trained with ReLU in place of the self-normalising ELU; the keys are the same.</summary>
    internal static Func<GraphValue, GraphValue>? OmicsActivation(OnnxGraph g, ImportOptions options) => options.Setting("omics-activation") switch
    {
        null or "elu" => null,
        "relu" => g.Relu,
        var other => throw new ImportOptionException($"--set omics-activation={other}: elu or relu is needed."),
    };
}
