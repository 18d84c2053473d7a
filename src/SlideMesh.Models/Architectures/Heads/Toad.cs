using SlideMesh.Inference.Packages;
using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Heads;

/// <summary>
/// TOAD (Lu et al. 2021, mahmoodlab/TOAD): tumour origin and primary or metastatic, an attention for each, the patient's sex appended to
/// both pooled vectors.
/// </summary>
internal sealed class Toad : IArchitecture
{
    private static readonly string[] Origins =
    [
        "Lung", "Breast", "Colorectal", "Ovarian", "Pancreatobiliary", "Adrenal", "Skin", "Prostate", "Renal", "Bladder", "Esophagogastric",
        "Thyroid", "Head Neck", "Glioma", "Germ Cell", "Endometrial", "Cervix", "Liver",
    ];

    public string Name => "toad";

    public string Description => "TOAD: tumour origin and site, an attention for each, with the patient's sex (mahmoodlab/TOAD)";

    public bool Recognises(StateDict weights) => weights.HasAll("classifier.weight", "site_classifier.weight") && AttentionTrunk.Find(weights) is { Columns: 2 };

    public ModelDesign Build(StateDict weights, ImportOptions options)
    {
        AttentionTrunk trunk = AttentionTrunk.Find(weights) ?? throw weights.Fail("has no attention_net as TOAD's.");
        long origins = weights.Extent("classifier.weight", 0);
        OnnxGraph bag = new("bag");
        GraphValue pooled = bag.Input(GraphRole.PooledTensor, 1, 2, trunk.Hidden);
        GraphValue sex = bag.Input(GraphRole.CovariatesTensor, 1, 1);
        GraphValue Row(int k) => bag.Concat(1, bag.Reshape(bag.Slice(pooled, 1, k, k + 1), 1, trunk.Hidden), sex);
        bag.Output("origin_logits", bag.Linear(Row(0), weights, "classifier."), 1, origins);
        bag.Output("site_logits", bag.Linear(Row(1), weights, "site_classifier."), 1, 2);
        OnnxGraph instance = trunk.Instance();
        return new ModelDesign
        {
            Kind = ModelKind.SlideHead,
            Graphs = new Dictionary<string, OnnxGraph> { [GraphRole.Instance] = instance, [GraphRole.Bag] = bag },
            FeatureDimension = (int)trunk.Features,

            // The mean of both when nobody knows it: TOAD itself always knew.
            Covariates = [new Covariate("sex", new Dictionary<string, double> { ["F"] = 0, ["M"] = 1 }, 0.5)],
            Outputs =
            [
                HeadAnswers.Classes(options, origins, attention: 0, tensor: "origin_logits", usualTask: "origin", usualLabels: Origins),
                new TaskOutput { Task = "site", Tensor = "site_logits", Type = OutputType.Categorical, Labels = ["Primary", "Metastatic"], Attention = 1 },
            ],
            Description = $"TOAD, {trunk.Depth} hidden layers, {(trunk.IsGated ? "gated" : "plain")} attention, {trunk.Features} features, {origins} origins",
            Notes = ["a slide whose manifest gives no sex is answered for halfway between F (0) and M (1)"],
        };
    }
}
