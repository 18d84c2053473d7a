using SlideMesh.Inference.Engines;
using SlideMesh.Prediction;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Engine;

public enum FailureClass
{
    /// <summary>May pass by itself: retried with back-off.</summary>
    Transient,

    /// <summary>Will fail again: the slide is marked failed and the run goes on.</summary>
    Permanent,
}

/// <summary>Classes a failure once, by its type, and gives it the typed reason that reaches failures.csv.</summary>
public static class FailureClassifier
{
    private const int ErrorNoSpace = 28;
    private const int ErrorQuota = 122;
    private const int ErrorTooLarge = 27;
    private const int ErrorReadOnly = 30;

    public static FailureClass Classify(Exception failure) => failure switch
    {
        IOException io when IsOutputFull(io) => FailureClass.Permanent,
        FileNotFoundException or DirectoryNotFoundException => FailureClass.Permanent,
        IOException => FailureClass.Transient,
        TimeoutException => FailureClass.Transient,
        _ => FailureClass.Permanent,
    };

    /// <summary>Kebab-case reason.</summary>
    public static string Reason(Exception failure) => failure switch
    {
        SlideFormatException slide => ToKebab(slide.Reason.ToString()),
        PredictionException prediction => ToKebab(prediction.Reason.ToString()),
        IOException io when IsOutputFull(io) => "output-full",
        UnauthorizedAccessException => "output-not-writable",
        IOException => "io-error",
        InferenceException => "inference-failed",
        OutOfMemoryException => "out-of-memory",
        _ => "internal-error",
    };

    /// <summary>The disk or quota is full, the file is too large for the file system, or it turned read-only.</summary>
    public static bool IsOutputFull(IOException failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        // On Unix, HResult carries errno for the cases that .NET does not map.
        int code = failure.HResult & 0xFFFF;
        return code is ErrorNoSpace or ErrorQuota or ErrorTooLarge or ErrorReadOnly
            || failure.Message.Contains("No space left", StringComparison.Ordinal)
            || failure.Message.Contains("Disk quota", StringComparison.Ordinal);
    }

    public static string ToKebab(string pascal) =>
        string.Concat(pascal.Select((c, i) => char.IsUpper(c) ? (i == 0 ? "" : "-") + char.ToLowerInvariant(c) : c.ToString()));
}
