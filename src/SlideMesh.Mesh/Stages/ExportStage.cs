using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Runs;
using SlideMesh.Reporting.Features;
using SlideMesh.Reporting.OutputStore;
using SlideMesh.Reporting.Tables;
using SlideMesh.Tiling;

namespace SlideMesh.Mesh.Stages;

/// <summary>
/// The files of other tools that go with the features of one stream in a <see cref="FlatLayout"/>: TRIDENT's coordinates always, STAMP's
/// and CLAM's copies on request. A stage for each stream, so that another encoder added later leaves them as they are.
/// </summary>
public static class ExportStage
{
    public static string Name(string stream) => "export/" + stream;

    public static bool IsDone(RunContext run, StageLedger ledger, string stream, string featuresKey)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(ledger);
        return ledger.IsDone(Name(stream), Key(run, featuresKey));
    }

    public static void Run(RunContext run, CohortEntry slide, PlannedSlide planned, FeatureStream stream, StageLedger ledger)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(planned);
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(ledger);
        string featuresKey = planned.FeatureKeys[stream.Id];
        if (IsDone(run, ledger, stream.Id, featuresKey))
        {
            return;
        }

        SlideFolder folder = run.Store.Slide(slide.Id);
        FeatureFileHeader header = MergeStage.Header(run, slide, planned, stream);
        string patches = folder.Patches(stream.Id)!;
        AtomicFile.Write(patches, temporary => PatchFile.Write(temporary, header, Tiles(slide, planned, stream, folder)));
        List<string> written = [patches];
        using (FeatureFile bag = FeatureFile.Open(folder.Features(stream.Id)))
        {
            written.AddRange(ExtraFiles.WriteCopies(run.Options.Write, folder, bag, header));
        }

        ledger.MarkDone(Name(stream.Id), Key(run, featuresKey), written);
    }

    private static string Key(RunContext run, string featuresKey) => new StageKey()
        .Add("features", featuresKey)
        .Add("write", run.Options.Write.ToString())
        .ToString();

    /// <summary>
    /// The tiles that were read and not left out for what they show. A tile whose row is not finite is among them: encoders with the same
    /// view share this file, and what one of them makes of a tile must not change it.
    /// </summary>
    private static PlannedTile[] Tiles(CohortEntry slide, PlannedSlide planned, FeatureStream stream, SlideFolder folder)
    {
        string notFinite = MergeStage.Reason(TileOutcome.NonFinite);
        HashSet<PlannedTile> unused = [.. FinishedSlide.ReadUnused(slide, folder, stream).Where(row => row.Reason != notFinite).Select(Corner)];
        return [.. planned.Plan(stream).Tiles.Where(tile => !unused.Contains(tile))];
    }

    private static PlannedTile Corner(FailureRow row) => new(row.X!.Value, row.Y!.Value);
}
