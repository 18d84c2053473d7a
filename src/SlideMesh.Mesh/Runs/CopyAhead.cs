using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Progress;
using SlideMesh.Slides.LocalCopies;

namespace SlideMesh.Mesh.Runs;

/// <summary>
/// Copies the cohort's next slides to local disk while the ones before are worked on, in the cohort's order and a bounded number ahead, so
/// that a slide is there when its turn comes. What it does not manage in time is copied, or read in place, when the slide is opened.
/// </summary>
internal sealed class CopyAhead : IDisposable
{
    /// <summary>Slides copied beyond those that may be in work.</summary>
    private const int SlidesAhead = 2;

    private readonly CancellationTokenSource _stop;
    private readonly SemaphoreSlim _places;
    private readonly RunProgress _progress;
    private readonly Task _work;

    private CopyAhead(LocalCopyCache? copies, IReadOnlyList<CohortEntry> cohort, RunStore store, int slidesInFlight, RunProgress progress, CancellationToken cancellation)
    {
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _places = new SemaphoreSlim(slidesInFlight + SlidesAhead);
        _progress = progress;
        progress.Happened += Ended;
        CancellationToken stop = _stop.Token;
        _work = Task.Factory.StartNew(() => Copy(copies, cohort, store, stop), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Without a cache, nothing happens.</summary>
    public static CopyAhead Start(
        LocalCopyCache? copies, IReadOnlyList<CohortEntry> cohort, RunStore store, int slidesInFlight, RunProgress progress, CancellationToken cancellation) =>
        new(copies, copies is null ? [] : cohort, store, slidesInFlight, progress, cancellation);

    public void Dispose()
    {
        _progress.Happened -= Ended;
        _stop.Cancel();
        _work.Wait(CancellationToken.None);
        _stop.Dispose();
        _places.Dispose();
    }

    private void Copy(LocalCopyCache? copies, IReadOnlyList<CohortEntry> cohort, RunStore store, CancellationToken stop)
    {
        try
        {
            foreach (CohortEntry slide in cohort)
            {
                _places.Wait(stop);
                // A slide with a result is probably finished and never opened; if it is not, its opening copies it.
                if (!File.Exists(store.Slide(slide.Id).Predictions))
                {
                    copies!.Acquire(slide.FullPath, stop).Dispose();
                }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The run has ended.
        }
    }

    private void Ended(ProgressEvent happened)
    {
        if (happened is SlideDone or SlideFailed)
        {
            _places.Release();
        }
    }
}
