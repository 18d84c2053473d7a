using SlideMesh.Inference.Packages;

namespace SlideMesh.Prediction.Maps;

/// <summary>Words of <see cref="TileMap.Quantity"/> and <see cref="TileOutput.Quantity"/>.</summary>
public static class TileQuantity
{
    public const string Attention = "attention";

    public const string Probability = "probability";

    public const string ExpectedClass = "expected-class";
}
