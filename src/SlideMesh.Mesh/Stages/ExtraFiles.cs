using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Runs;
using SlideMesh.Prediction;
using SlideMesh.Prediction.Bags;
using SlideMesh.Reporting.Features;
using SlideMesh.Reporting.OutputStore;
using SlideMesh.Reporting.Tables;

namespace SlideMesh.Mesh.Stages;

/// <summary>Files in other tools' own layouts, written on request.</summary>
internal static class ExtraFiles
{
    /// <returns>Paths of the files written.</returns>
    public static IEnumerable<string> Write(
        RunContext run, CohortEntry slide, PlannedSlide planned, IReadOnlyDictionary<string, FeatureFile> bags,
        IReadOnlyList<TileScores> scores, SlideFolder folder)
    {
        List<string> written = [];
        foreach (FeatureStream stream in run.Pipeline.Streams)
        {
            // In a flat layout they are a stage of their own, see ExportStage.
            if (run.Store.Layout is null)
            {
                written.AddRange(WriteCopies(run.Options.Write, folder, bags[stream.Id], MergeStage.Header(run, slide, planned, stream)));
            }
        }

        if (run.Options.Write.HasFlag(ExtraFormats.WsInfer))
        {
            foreach (TileScores tiles in scores)
            {
                written.Add(WriteWsinfer(folder, tiles, bags[tiles.Stream]));
            }
        }

        return written;
    }

    /// <summary>WSInfer's table of one tile classifier.</summary>
    /// <param name="bag">The features that the scores follow; only coordinates are read.</param>
    /// <returns>Path of the file written.</returns>
    public static string WriteWsinfer(SlideFolder folder, TileScores tiles, IFeatureBag bag)
    {
        ArrayFeatureBag probabilities = new(tiles.Labels.Count, tiles.Values, bag.Coordinates.ToArray(), bag.TileSizeLevel0);
        return ResultStage.Save(
            Path.Combine(folder.Root, "model-outputs-csv", tiles.Model + ".csv"),
            file => WsinferTable.Write(file, probabilities, tiles.Labels));
    }

    /// <summary>Copies of a stream's features in the layouts that were asked for.</summary>
    /// <returns>Paths of the files written.</returns>
    public static IEnumerable<string> WriteCopies(ExtraFormats formats, SlideFolder folder, FeatureFile bag, FeatureFileHeader header)
    {
        string stream = header.Stream.Id;
        List<string> written = [];
        if (formats.HasFlag(ExtraFormats.Stamp))
        {
            AtomicFile.Write(folder.Stamp(stream), temporary => StampFeatureFile.Write(temporary, bag, header));
            written.Add(folder.Stamp(stream));
        }

        if (formats.HasFlag(ExtraFormats.ClamPt))
        {
            written.Add(ResultStage.Save(folder.Torch(stream), file => TorchTensorFile.Write(file, bag)));
        }

        return written;
    }
}
