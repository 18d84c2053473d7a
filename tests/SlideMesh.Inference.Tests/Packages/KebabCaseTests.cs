using System.Text.Json;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Inference.Tests.Packages;

public sealed class KebabCaseTests
{
    [Fact]
    public void Of_spells_values_as_the_json_does()
    {
        Assert.Equal("tile-classifier", KebabCase.Of(ModelKind.TileClassifier));
        Assert.All(Enum.GetValues<ModelKind>(), kind => Assert.Equal($"\"{KebabCase.Of(kind)}\"", JsonSerializer.Serialize(kind)));
    }
}
