namespace SlideMesh.Slides;

/// <summary>
/// A slide that cannot be used: not a slide, damaged, or lacking what the run needs.
/// <see cref="Reason"/> is the typed reason that reaches failures.csv.
/// </summary>
public sealed class SlideFormatException : Exception
{
    public SlideFormatException(string path, SlideFailureReason reason, string message, Exception? inner = null)
        : base(message, inner)
    {
        Path = path;
        Reason = reason;
    }

    public string Path { get; }

    public SlideFailureReason Reason { get; }
}

/// <summary>Why a whole slide cannot be used. Written to failures.csv in kebab case (<c>not-a-slide</c>).</summary>
public enum SlideFailureReason
{
    NotASlide,
    Unreadable,
    Truncated,
    MicronsPerPixelMissing,
    NoTissue,
    NoReadableTile,
    FileMissing,

    /// <summary>The size that it declares is beyond any real slide's and beyond what this program can hold.</summary>
    TooLarge,
}
