using System.Collections.Concurrent;
using SlideMesh.Reporting.Tables;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Runs;

/// <summary>Time by slide, stage and stream, summed as it arrives, so that it does not grow with the shards. Safe from any thread.</summary>
public sealed class StageTimings
{
    private readonly ConcurrentDictionary<(string Slide, string Stage, string? Stream), (TimeSpan Elapsed, long? Tiles)> _sums = new();

    public void Add(SlideId slide, string stage, string? stream, TimeSpan elapsed, long? tiles) => _sums.AddOrUpdate(
        (slide.Value, stage, stream),
        (elapsed, tiles),
        (_, sum) => (sum.Elapsed + elapsed, tiles is null ? sum.Tiles : (sum.Tiles ?? 0) + tiles));

    /// <summary>Ordered by slide, stage and stream.</summary>
    public IEnumerable<TimingRow> Rows => _sums
        .OrderBy(s => s.Key.Slide, StringComparer.Ordinal).ThenBy(s => s.Key.Stage, StringComparer.Ordinal).ThenBy(s => s.Key.Stream, StringComparer.Ordinal)
        .Select(s => new TimingRow(s.Key.Slide, s.Key.Stage, s.Key.Stream, s.Value.Elapsed, s.Value.Tiles));
}
