using SlideMesh.Prediction.Omics;
using SlideMesh.Prediction.Tests.Fakes;

namespace SlideMesh.Prediction.Tests.Omics;

public sealed class OmicsScalingTests
{
    [Fact]
    public void Values_are_scaled_and_missing_ones_are_the_training_mean()
    {
        var columns = new Dictionary<string, int> { ["A"] = 0, ["B"] = 1, ["C"] = 2 };
        var row = new OmicsRow("C1", 2, columns, [5, double.NaN, 7]);
        var scaling = new OmicsScaling([("A", 1, 2), ("B", 3, 1), ("absent", 9, 1), ("C", 4, 0)]);

        float[] scaled = scaling.Scale(row, out int found);

        Assert.Equal([2, 0, 0, 0], scaled);
        Assert.Equal(2, found);
    }

    [Fact]
    public void Features_file_of_a_package_is_read_in_order()
    {
        OmicsScaling scaling = OmicsScaling.Read("ref-fusion", Path.Combine(RepositoryFiles.ReferencePackage("ref-fusion"), "omics-features.csv"));

        Assert.Equal(["GENE1", "GENE2", "GENE3", "GENE4", "GENE5", "GENE6"], scaling.Names);
    }

    [Theory]
    [InlineData("gene,mean,std\nA,1,2\n", "no header name,mean,std")]
    [InlineData("name,mean,std\n", "no header name,mean,std")]
    [InlineData("name,mean,std\nA,1,2\nB,x,2\n", "line 3 is not name,mean,std")]
    [InlineData("name,mean,std\nA,1,-2\n", "line 2 is not name,mean,std")]
    public void Bad_features_file_is_a_typed_failure(string text, string expected)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, text);
            PredictionException e = Assert.Throws<PredictionException>(() => OmicsScaling.Read("m", path));

            Assert.Equal(PredictionFailureReason.PackageContract, e.Reason);
            Assert.Contains(expected, e.Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
