using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Engine;
using SlideMesh.Mesh.Runs;
using SlideMesh.Mesh.Stages;
using SlideMesh.Slides;
using SlideMesh.Slides.Pyramid;

namespace SlideMesh.Mesh.Features;

/// <summary>The slide behind features, opened for its scale and for pictures. What is wrong with it costs the pictures, never the answers.</summary>
internal sealed class SlideAtHand : IDisposable
{
    private readonly SlideHandles.Lease _lease;

    private SlideAtHand(CohortEntry entry, SlideHandles.Lease lease)
    {
        Entry = entry;
        _lease = lease;
    }

    /// <summary>The slide as something that can be opened.</summary>
    public CohortEntry Entry { get; }

    public ISlideSource Source => _lease.Source;

    /// <returns>Null when there is no slide at hand, or none that can be used; <paramref name="notes"/> then says why.</returns>
    /// <param name="made">Fingerprints of the slide that the features files name.</param>
    public static SlideAtHand? TryOpen(RunContext run, CohortEntry slide, string? path, IEnumerable<string> made, ICollection<string> notes)
    {
        if (path is null)
        {
            return null;
        }

        string shown = Path.GetFileName(path);
        try
        {
            string fingerprint = SlideFingerprint.Compute(path);
            if (made.Any(other => other != fingerprint))
            {
                notes.Add($"slide '{shown}' is not the file that the features were made from: no pictures of it");
                return null;
            }

            CohortEntry entry = slide with { FullPath = path, Path = shown };
            return new SlideAtHand(entry, run.Handles.Open(entry));
        }
        catch (Exception unusable) when (unusable is SlideFormatException or IOException or UnauthorizedAccessException)
        {
            notes.Add($"slide '{shown}' cannot be used ({FailureClassifier.Reason(unusable)}): no pictures of it");
            return null;
        }
    }

    public void Dispose() => _lease.Dispose();
}
