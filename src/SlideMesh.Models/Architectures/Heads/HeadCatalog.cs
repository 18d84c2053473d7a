using SlideMesh.Models.Architectures.Heads.Survival;

namespace SlideMesh.Models.Architectures.Heads;

/// <summary>Every head that can be imported.</summary>
public static class HeadCatalog
{
    public static IReadOnlyList<IArchitecture> All { get; } =
    [
        new ClamSb(), new ClamMb(), new ClamMil(), new Toad(), new AbMil(gated: false), new AbMil(gated: true), new OwkinAbMil(), new Dsmil(), new TransMil(),
        new Chowder(), new He2Rna(), new MilRnn(), new MeanPool(), new PooledLogits(mean: true), new PooledLogits(mean: false),
        new AttentionSurvival(AttentionSurvival.Form.PorpoiseAmil), new AttentionSurvival(AttentionSurvival.Form.Baseline),
        new AttentionSurvival(AttentionSurvival.Form.PorpoiseMmf), new DeepSets(), new Mcat(),
    ];
}
