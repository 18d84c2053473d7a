using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Runs;
using SlideMesh.Reporting.Features;
using SlideMesh.Reporting.OutputStore;
using SlideMesh.Reporting.Tables;
using SlideMesh.Tiling;
using SlideMesh.Tissue.Quality;

namespace SlideMesh.Mesh.Stages;

/// <summary>
/// Shards of one stream → its features file and the list of tiles without a row, in plan order. Reads one shard at a time, so
/// that memory does not grow with the slide.
/// </summary>
public static class MergeStage
{
    public static void Run(RunContext run, CohortEntry slide, PlannedSlide planned, FeatureStream stream, StageLedger ledger, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(slide);
        ArgumentNullException.ThrowIfNull(planned);
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(ledger);
        SlideFolder folder = run.Store.Slide(slide.Id);
        string key = planned.FeatureKeys[stream.Id];
        string stage = StageKeys.FeaturesStage(stream.Id);
        if (ledger.IsDone(stage, key))
        {
            return;
        }

        TilePlan plan = planned.Plan(stream);
        ShardRange[] shards = [.. ShardRange.Cut(plan.Tiles.Count, run.Options.ShardTiles)];
        int rows = shards.Sum(shard => Load(folder, stream, shard, key).RowCount);

        FeatureFileHeader header = Header(run, slide, planned, stream);
        string unusedPath = UnusedPath(folder, stream.Id);
        AtomicFile.Write(folder.Features(stream.Id), path =>
        {
            using FeatureFileWriter writer = FeatureFileWriter.Create(path, header, rows, stream.Dimension);
            AtomicFile.Write(unusedPath, unused =>
            {
                using FileStream failures = File.Create(unused);
                FailuresTable.Write(failures, Append(slide, stream, plan, shards.Select(s => Load(folder, stream, s, key)), writer, cancellation));
            });
            writer.Complete();
        });
        ledger.MarkDone(stage, key, [folder.Features(stream.Id), unusedPath]);
    }

    /// <summary>List of a stream's tiles without a row, in the columns of failures.csv.</summary>
    public static string UnusedPath(SlideFolder folder, string stream)
    {
        ArgumentNullException.ThrowIfNull(folder);
        return Path.Combine(folder.FeaturesFolder, stream + ".unused.csv");
    }

    public static FeatureFileHeader Header(RunContext run, CohortEntry slide, PlannedSlide planned, FeatureStream stream)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(slide);
        ArgumentNullException.ThrowIfNull(planned);
        return new FeatureFileHeader
        {
            Slide = slide.Id,
            SlideFingerprint = planned.Document.Fingerprint,
            Stream = stream,
            EncoderSha256 = run.Pipeline.Producer(stream).GraphSha256(GraphRole.Tile),
            SoftwareVersion = SoftwareVersion.Current,
            Plan = planned.Plan(stream),
            ObjectivePower = planned.Document.ObjectivePower,
        };
    }

    /// <summary>Appends every shard's rows to the features and yields the tiles without one on the way: both files in one pass.</summary>
    private static IEnumerable<FailureRow> Append(
        CohortEntry slide, FeatureStream stream, TilePlan plan, IEnumerable<ShardFile> shards, FeatureFileWriter writer, CancellationToken cancellation)
    {
        foreach (ShardFile shard in shards)
        {
            cancellation.ThrowIfCancellationRequested();
            List<TileRecord> embedded = [.. shard.Tiles.Where(t => t.Outcome == TileOutcome.Embedded)];
            long[] corners = new long[embedded.Count * 2];
            TileQuality[] quality = new TileQuality[embedded.Count];
            for (int i = 0; i < embedded.Count; i++)
            {
                PlannedTile tile = plan.Tiles[embedded[i].PlanIndex];
                corners[2 * i] = tile.X;
                corners[(2 * i) + 1] = tile.Y;
                quality[i] = embedded[i].Quality;
            }

            writer.Append(shard.Rows, corners, quality);
            foreach (TileRecord unused in shard.Tiles.Where(t => t.Outcome != TileOutcome.Embedded))
            {
                PlannedTile tile = plan.Tiles[unused.PlanIndex];
                yield return new FailureRow(slide.Id.Value, slide.Path, "tile", Reason(unused.Outcome), unused.Detail, tile.X, tile.Y, stream.Id);
            }
        }
    }

    internal static string Reason(TileOutcome outcome) => outcome switch
    {
        TileOutcome.Background => "tile-background",
        TileOutcome.Pen => "tile-pen",
        TileOutcome.Blurred => "tile-blur",
        TileOutcome.Unreadable => "tile-unreadable",
        TileOutcome.NonFinite => "tile-features-not-finite",
        _ => throw new ArgumentOutOfRangeException(nameof(outcome), outcome, "an embedded tile has a row"),
    };

    private static ShardFile Load(SlideFolder folder, FeatureStream stream, ShardRange shard, string key) =>
        ShardFile.TryRead(folder.Shard(stream.Id, shard.Index), key, shard)
        ?? throw new InvalidDataException($"shard {shard.Index} of '{stream.Id}' disappeared from the output folder; run the same command again");
}
