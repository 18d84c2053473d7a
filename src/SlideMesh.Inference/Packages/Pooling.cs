using System.Text.Json.Serialization;

namespace SlideMesh.Inference.Packages;

/// <summary>How a streamed head makes one row, or one for each attention column, of its tiles' hidden rows h_i [H].</summary>
[JsonConverter(typeof(KebabCaseEnumConverter<Pooling>))]
public enum Pooling
{
    /// <summary>M[k] = Σ_i softmax_i(attention[i, k]) · h_i, [K, H].</summary>
    Attention,

    /// <summary>Σ_i h_i / N, [1, H].</summary>
    Mean,

    /// <summary>Σ_i h_i, [1, H].</summary>
    Sum,

    /// <summary>The largest value of each column, [1, H].</summary>
    Maximum,

    /// <summary>M[k] = h_i of the tile whose attention[i, k] is largest, the first of equals, [K, H].</summary>
    Top,
}
