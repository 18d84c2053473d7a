using System.Text.Json.Serialization;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Prediction;

/// <summary>
/// A slide that the heads cannot answer for, or models that cannot work together. The message is one line that names the
/// model and says what to do; <see cref="Reason"/> is what reaches failures.csv.
/// </summary>
public sealed class PredictionException : Exception
{
    public PredictionException(PredictionFailureReason reason, string model, string message, Exception? inner = null)
        : base(message, inner)
    {
        Reason = reason;
        Model = model;
    }

    public PredictionFailureReason Reason { get; }

    /// <summary>Name of the model package.</summary>
    public string Model { get; }
}

/// <summary>Why a prediction failed. Written in kebab case.</summary>
[JsonConverter(typeof(KebabCaseEnumConverter<PredictionFailureReason>))]
public enum PredictionFailureReason
{
    /// <summary>The slide has no tile for this model.</summary>
    EmptyBag,

    /// <summary>The features that a head needs were not given.</summary>
    StreamMissing,

    /// <summary>The features do not have the width that the head was trained on.</summary>
    FeatureWidth,

    /// <summary>NaN or infinity in a feature.</summary>
    NonFiniteFeature,

    /// <summary>NaN or infinity in what a graph returned.</summary>
    NonFiniteOutput,

    /// <summary>A head that needs all features at once was given more than fits its bound.</summary>
    BagTooLarge,

    /// <summary>The graphs of a package do not do what its model.json says.</summary>
    PackageContract,

    /// <summary>Two models answer the same task in ways that cannot be averaged.</summary>
    IncompatibleModels,
}
