using System.Text.Json.Serialization;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Reporting.Features;

/// <summary>Features that cannot be used. The message is one line: which file, what is wrong, what to do.</summary>
public sealed class FeatureFileException(string path, FeatureFileFailure reason, string message, Exception? inner = null) : Exception(message, inner)
{
    public string Path { get; } = path;

    /// <summary>What reaches failures.csv.</summary>
    public FeatureFileFailure Reason { get; } = reason;
}

/// <summary>Why features cannot be used. Written in kebab case.</summary>
[JsonConverter(typeof(KebabCaseEnumConverter<FeatureFileFailure>))]
public enum FeatureFileFailure
{
    /// <summary>The slide has no features file, or none for a model.</summary>
    FeaturesMissing,

    /// <summary>Several files hold the same features of a slide.</summary>
    FeaturesAmbiguous,

    /// <summary>No HDF5 file, or one without a dataset of features.</summary>
    NotFeatures,

    /// <summary>Cut short or damaged.</summary>
    FeaturesDamaged,

    /// <summary>The numbers lie in another file, which this one names; it could name any file of the user's.</summary>
    FeaturesElsewhere,

    /// <summary>The dataset of features is no [N, D] or [1, N, D] of floating-point numbers.</summary>
    FeaturesShape,

    /// <summary>Features and coordinates do not have the same number of rows.</summary>
    LengthMismatch,

    /// <summary>More rows or columns than any slide has.</summary>
    TooLarge,

    /// <summary>Rows do not have the width that the head was trained on.</summary>
    FeatureWidth,

    /// <summary>The file names another encoder than the head was trained on.</summary>
    EncoderMismatch,

    /// <summary>The tiles show another extent of tissue than the head was trained on.</summary>
    TileMismatch,

    /// <summary>The file does not say which of several kinds of features it holds.</summary>
    EncoderUnknown,

    /// <summary>Models of several magnifications need to know where the tiles lie.</summary>
    PositionsUnknown,
}
