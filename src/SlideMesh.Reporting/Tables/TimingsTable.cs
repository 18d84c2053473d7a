namespace SlideMesh.Reporting.Tables;

/// <summary>How long one stage of one slide took.</summary>
/// <param name="Stage"><c>open</c>, <c>tissue</c>, <c>plan</c>, <c>read</c>, <c>infer</c>, <c>predict</c>, <c>write</c>, …</param>
/// <param name="Tiles">Tiles that went through the stage, null where it does not work on tiles.</param>
public sealed record TimingRow(string SlideId, string Stage, string? Stream, TimeSpan Elapsed, long? Tiles);

/// <summary><c>timings.csv</c>: apart from slides.csv, because times differ from run to run and results must not.</summary>
public static class TimingsTable
{
    public static void Write(Stream destination, IEnumerable<TimingRow> timings)
    {
        ArgumentNullException.ThrowIfNull(timings);
        CsvTable.Write(
            destination,
            ["slide_id", "stage", "stream", "seconds", "tiles"],
            timings.Select(t => (IReadOnlyList<object?>)[t.SlideId, t.Stage, t.Stream, Math.Round(t.Elapsed.TotalSeconds, 3), t.Tiles]));
    }
}
