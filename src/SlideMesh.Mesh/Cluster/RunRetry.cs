using SlideMesh.Mesh.Runs;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Cluster;

/// <summary>
/// Tries slides of a run again. The store hears of it first: a run that goes on must be one that <see cref="Recovery"/> finds. When there was nothing
/// to try, its end stands again.
/// </summary>
public static class RunRetry
{
    /// <summary>All slides, or those that failed or are quarantined. A run that Redis has forgotten is submitted again under its id.</summary>
    /// <returns>How many slides are tried again; −1 when neither Redis nor the store knows how the run ended.</returns>
    /// <exception cref="OutputException">Another run writes to the same folder, or nodes of this version would refuse the run.</exception>
    public static async Task<long> RunAsync(ClusterStore store, RunBoard board, string run, bool failedOnly, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(board);
        if (store.TryRead(run) is { } submitted && submitted.SoftwareVersion != SoftwareVersion.Current)
        {
            throw new OutputException(
                $"run {run} was submitted for SlideMesh {submitted.SoftwareVersion}, and {SoftwareVersion.Current} would give other bytes: submit its slides again");
        }

        ForgottenRun? ended = ForgottenRun.TryRead(store, run);
        return await ChangeAsync(store, board, run, async () =>
        {
            long slides = await board.RetryAsync(run, failedOnly, cancellation).ConfigureAwait(false);
            return slides < 0 && ended is not null ? await RebuildAsync(board, ended, failedOnly, cancellation).ConfigureAwait(false) : slides;
        }, cancellation).ConfigureAwait(false);
    }

    /// <returns>1 when the slide is tried again, 0 when it has not failed.</returns>
    public static Task<long> SlideAsync(ClusterStore store, RunBoard board, string run, SlideId slide, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(board);
        return ChangeAsync(store, board, run, () => board.RetrySlideAsync(run, slide, cancellation), cancellation);
    }

    private static async Task<long> ChangeAsync(ClusterStore store, RunBoard board, string run, Func<Task<long>> change, CancellationToken cancellation)
    {
        RunEnd? end = store.ReadEnd(run);
        store.RemoveEnd(run);
        long slides = -1;
        try
        {
            slides = await change().ConfigureAwait(false);
            return slides;
        }
        finally
        {
            // Not when somebody else has it tried again at the same time.
            if (slides <= 0 && end is not null && await board.StatusAsync(run, cancellation).ConfigureAwait(false) is null or { IsClosed: true })
            {
                store.WriteEnd(run, end);
            }
        }
    }

    private static async Task<long> RebuildAsync(RunBoard board, ForgottenRun run, bool failedOnly, CancellationToken cancellation)
    {
        Dictionary<string, string> states = run.States.ToDictionary(
            s => s.Key, s => !failedOnly || s.Value is "failed" or "quarantined" ? "todo" : s.Value, StringComparer.Ordinal);
        int slides = states.Values.Count(s => s == "todo");
        if (slides == 0)
        {
            return 0;
        }

        string answer = await board.SubmitAsync(run.Specification, states, cancellation).ConfigureAwait(false);
        return answer.StartsWith("busy:", StringComparison.Ordinal)
            ? throw new OutputException($"run {answer[5..]} is writing to '{run.Specification.Out}'; wait for it or cancel it, then try again")
            : slides;
    }
}
