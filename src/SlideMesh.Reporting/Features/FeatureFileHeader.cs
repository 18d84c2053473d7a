using SlideMesh.Inference.Packages;
using SlideMesh.Slides;
using SlideMesh.Tiling;

namespace SlideMesh.Reporting.Features;

/// <summary>What a features file says about itself. Nothing in it depends on the machine or the time.</summary>
public sealed record FeatureFileHeader
{
    public required SlideId Slide { get; init; }

    /// <summary>Fingerprint of the slide file, as the run knows it.</summary>
    public required string SlideFingerprint { get; init; }

    public required FeatureStream Stream { get; init; }

    /// <summary>SHA-256 (lower-case hex) of the graph that made the features.</summary>
    public required string EncoderSha256 { get; init; }

    public required string SoftwareVersion { get; init; }

    /// <summary>The plan whose tiles the rows are, in its order.</summary>
    public required TilePlan Plan { get; init; }

    /// <summary>Objective magnification of level 0; null is written as 10 / (µm per pixel), which is how TRIDENT estimates it.</summary>
    public double? ObjectivePower { get; init; }

    internal double Level0Magnification =>
        ObjectivePower ?? Math.Round(10 / Plan.SlideMicronsPerPixel.Mean, 2, MidpointRounding.AwayFromZero);
}
