using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Encoders;

/// <summary>A square image of channels inside of a graph, [N, <paramref name="Channels"/>, <paramref name="Side"/>, <paramref name="Side"/>].</summary>
internal readonly record struct FeatureMap(GraphValue Value, int Channels, int Side);
