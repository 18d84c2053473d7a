using SlideMesh.Inference.Packages;
using SlideMesh.Prediction;
using SlideMesh.Prediction.Bags;
using SlideMesh.Prediction.Omics;

namespace SlideMesh.Models.Tests.Heads;

/// <summary>Imported heads in the predictor, with what only a whole prediction shows: omics, hazards, maps.</summary>
public sealed class OmicsHeadTests
{
    [Fact]
    public void A_head_with_omics_answers_for_a_case_that_has_them_and_shows_each_gene_group()
    {
        (SlidePrediction with, _) = Predict("mcat");

        TaskPrediction task = Assert.Single(with.Tasks);
        Assert.True(task.IsFused);
        Assert.Null(task.SlideOnly);
        Assert.Equal(OmicsStatus.Used, with.Omics.Status);
        Assert.Equal(OutputType.Hazards, task.Final.Type);
        Assert.Equal(4, task.Final.Survival.Count);
        Assert.Equal("risk", Assert.Single(task.Final.Quantities).Name);
        Assert.Equal(6, with.Maps.Count);
        Assert.Equal("survival-attention-tumor-suppression", with.Maps[0].Name);
    }

    [Fact]
    public void Survival_is_what_PyTorchs_logits_make_it()
    {
        (SlidePrediction with, HeadCase reference) = Predict("porpoise-mmf");
        double free = 1;
        double[] survival = [.. reference.Bags.Single(b => b.Tiles == 15).Outputs["logits"].Select(logit => free *= 1 / (1 + Math.Exp(logit)))];

        Assert.All(survival.Zip(with.Tasks[0].Final.Survival), p => Assert.Equal(p.First, p.Second, 1e-5));
    }

    [Fact]
    public void A_case_without_omics_is_told_why_there_is_no_answer()
    {
        HeadCase reference = HeadCase.Load("mcat");
        using ImportedHead head = new(reference);
        using SlidePredictor predictor = head.Predictor();

        SlidePrediction without = predictor.Predict(new Dictionary<string, IFeatureBag> { ["s"] = reference.Bag(15) }, CaseContext.Unknown);

        Assert.Empty(without.Tasks);
        Assert.Contains("package: left out, it needs omics and the case has none", without.Notes);
    }

    private static (SlidePrediction Prediction, HeadCase Reference) Predict(string name)
    {
        HeadCase reference = HeadCase.Load(name);
        using ImportedHead head = new(reference);
        using SlidePredictor predictor = head.Predictor();
        using TemporaryFolder folder = new();
        string names = string.Join(',', Enumerable.Range(0, reference.OmicsCount).Select(g => $"GENE{g}"));
        File.WriteAllText(folder.File("omics.csv"), $"case_id,{names}\nc1,{string.Join(',', reference.Omics().Select(v => v.ToString("R")))}\n");
        CaseOmics omics = OmicsTable.Read(folder.File("omics.csv"), predictor.OmicsFeatures).Find("c1");
        CaseContext context = new("c1", new Dictionary<string, string>(), omics);
        return (predictor.Predict(new Dictionary<string, IFeatureBag> { ["s"] = reference.Bag(15) }, context), reference);
    }
}
