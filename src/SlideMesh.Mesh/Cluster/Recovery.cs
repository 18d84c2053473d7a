namespace SlideMesh.Mesh.Cluster;

/// <summary>
/// Rebuilds Redis from the store: every submission that has not ended and that Redis does not know is submitted again under its id. Its
/// slides are looked at one by one; what is finished is recognised, and shards that are there are not computed again.
/// </summary>
public static class Recovery
{
    /// <returns>Ids of the runs that were rebuilt.</returns>
    public static async Task<IReadOnlyList<string>> RunAsync(ClusterStore store, RunBoard board, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(board);
        List<string> rebuilt = [];
        HashSet<string> known = [.. await board.RunsAsync(cancellation).ConfigureAwait(false)];
        foreach (string run in store.RunFolders().Where(r => !known.Contains(r) && store.ReadEnd(r) is null))
        {
            if (store.TryRead(run) is { } submission && await board.SubmitAsync(submission, cancellation).ConfigureAwait(false) == "ok")
            {
                rebuilt.Add(run);
            }
        }

        return rebuilt;
    }
}
