using SlideMesh.Reporting;
using SlideMesh.Reporting.OutputStore;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Cluster;

/// <summary>
/// How long Redis remembers a run that has ended. A run is forgotten as a whole, and only when the store says how it ended: from then on
/// <see cref="ForgottenRun"/> answers for it, and nobody rebuilds it unasked.
/// </summary>
public static class RunMemory
{
    /// <param name="keep">Time since the run's tables were written.</param>
    /// <param name="now">Only chooses whom to ask for: the age is measured by Redis' own clock.</param>
    /// <returns>Ids of the runs that Redis has forgotten now.</returns>
    public static async Task<IReadOnlyList<string>> ForgetAsync(
        ClusterStore store, RunBoard board, TimeSpan keep, DateTimeOffset now, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(board);
        List<string> forgotten = [];
        foreach (string run in await board.RunsCreatedBeforeAsync(now - keep, cancellation).ConfigureAwait(false))
        {
            // Somebody is about to try it again, or its store is another one: it stays.
            if (store.ReadEnd(run) is not null && await board.EraseAsync(run, keep, cancellation).ConfigureAwait(false) == "ok")
            {
                forgotten.Add(run);
            }
        }

        return forgotten;
    }
}

/// <summary>A run that ended and that Redis does not know any more, as the store tells of it.</summary>
/// <param name="States">done, failed, quarantined or pending of each slide, in the order of the submission: what lies in the output folder now.</param>
public sealed record ForgottenRun(RunSpecification Specification, RunEnd End, IReadOnlyDictionary<string, string> States)
{
    public RunStatus Status => new(
        Specification.Id, End.State, Specification.Priority, Specification.Pool, Specification.Out, Specification.Created, Specification.Slides.Count,
        End.Done, End.Failed, End.Quarantined, InFlight: 0, Shards: null, IsClosed: true, Error: null) { IsForgotten = true };

    /// <returns>Null when the store does not say that the run has ended, or has it in another version's words.</returns>
    public static ForgottenRun? TryRead(ClusterStore store, string run)
    {
        ArgumentNullException.ThrowIfNull(store);
        return store.ReadEnd(run) is { } end && store.TryRead(run) is { } specification ? new ForgottenRun(specification, end, ReadStates(store, specification)) : null;
    }

    internal static Dictionary<string, string> ReadStates(ClusterStore store, RunSpecification run) => run.Slides.ToDictionary(
        slide => slide.Id, slide => StateOf(store, run, new SlideId(slide.Id)), StringComparer.Ordinal);

    private static string StateOf(ClusterStore store, RunSpecification run, SlideId slide) =>
        store.ReadFailure(run.Id, slide) is { } failure ? (failure.State == SlideState.Quarantined ? "quarantined" : "failed")
        : File.Exists(new SlideFolder(store.OutputRoot(run), slide).Predictions) ? "done" : "pending";
}
