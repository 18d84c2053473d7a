using System.Globalization;
using System.Text.RegularExpressions;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;
using SlideMesh.Prediction;
using SlideMesh.Slides;
using SlideMesh.Reporting.Features;
using SlideMesh.Reporting.Features.Hdf5;

namespace SlideMesh.Mesh.Engine;

public enum FailureClass
{
    /// <summary>May pass by itself: retried with back-off.</summary>
    Transient,

    /// <summary>Will fail again: the slide is marked failed and the run goes on.</summary>
    Permanent,
}

/// <summary>Classes a failure once, by its type, and gives it the typed reason that reaches failures.csv.</summary>
public static partial class FailureClassifier
{
    private const int ErrorNoSpace = 28;
    private const int ErrorQuota = 122;
    private const int ErrorTooLarge = 27;
    private const int ErrorReadOnly = 30;

    public static FailureClass Classify(Exception failure) => failure switch
    {
        _ when IsOutputFull(failure) => FailureClass.Permanent,
        FileNotFoundException or DirectoryNotFoundException => FailureClass.Permanent,
        IOException => FailureClass.Transient,
        TimeoutException => FailureClass.Transient,
        _ => FailureClass.Permanent,
    };

    /// <summary>Kebab-case reason.</summary>
    public static string Reason(Exception failure) => failure switch
    {
        SlideFormatException slide => KebabCase.Of(slide.Reason),
        PredictionException prediction => KebabCase.Of(prediction.Reason),
        FeatureFileException features => KebabCase.Of(features.Reason),
        _ when IsOutputFull(failure) => "output-full",
        UnauthorizedAccessException => "output-not-writable",
        IOException or Hdf5Exception => "io-error",
        InferenceException => "inference-failed",
        OutOfMemoryException => "out-of-memory",
        _ => "internal-error",
    };

    /// <summary>The disk or quota is full, the file is too large for the file system, or it turned read-only.</summary>
    public static bool IsOutputFull(Exception failure) => failure switch
    {
        // On Unix, HResult carries errno for the cases that .NET does not map.
        IOException io => IsFull(io.HResult),
        // HDF5 has no error code of its own for this; its text holds "errno = 28, error message = …".
        Hdf5Exception hdf5 => ErrorNumber().Matches(hdf5.Message).Any(m => IsFull(int.Parse(m.Groups[1].ValueSpan, CultureInfo.InvariantCulture))),
        _ => false,
    };

    private static bool IsFull(int errno) => errno is ErrorNoSpace or ErrorQuota or ErrorTooLarge or ErrorReadOnly;

    [GeneratedRegex(@"\berrno = ([0-9]{1,4})\b")]
    private static partial Regex ErrorNumber();
}
