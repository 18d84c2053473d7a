namespace SlideMesh.Reporting.Tables;

/// <summary>Something that could not be used, and why.</summary>
/// <param name="Path">The slide or omics file as given.</param>
/// <param name="Scope"><c>slide</c>, <c>tile</c> or <c>omics</c>.</param>
/// <param name="Reason">Typed reason in kebab case, e.g. <c>not-a-slide</c>, <c>tile-unreadable</c>.</param>
/// <param name="Detail">One line for a person.</param>
/// <param name="X">Tiles: level-0 top-left corner.</param>
/// <param name="Stream">Tiles: id of the feature stream.</param>
public sealed record FailureRow(
    string SlideId, string Path, string Scope, string Reason, string Detail, long? X = null, long? Y = null, string? Stream = null);

/// <summary>Tiles of one slide and stream that could not be used for one reason.</summary>
/// <param name="Stream">Id of the feature stream.</param>
/// <param name="Reason">As in <see cref="FailureRow"/>.</param>
public sealed record TileFailureCount(string SlideId, string Stream, string Reason, long Count);

/// <summary><c>failures.csv</c>.</summary>
public static class FailuresTable
{
    /// <param name="failures">Written in the order given: slides in the run's order, tiles in the plan's.</param>
    public static void Write(Stream destination, IEnumerable<FailureRow> failures)
    {
        ArgumentNullException.ThrowIfNull(failures);
        CsvTable.Write(
            destination,
            ["slide_id", "path", "scope", "reason", "detail", "x", "y", "stream"],
            failures.Select(f => (IReadOnlyList<object?>)[f.SlideId, new CsvTable.FreeText(f.Path), f.Scope, f.Reason, new CsvTable.FreeText(f.Detail), f.X, f.Y, f.Stream]));
    }
}
