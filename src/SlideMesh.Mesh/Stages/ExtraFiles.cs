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
            FeatureFile bag = bags[stream.Id];
            if (run.Options.Write.HasFlag(ExtraFormats.Stamp))
            {
                string path = Path.Combine(folder.FeaturesFolder, stream.Id + ".stamp.h5");
                AtomicFile.Write(path, temporary => StampFeatureFile.Write(temporary, bag, MergeStage.Header(run, slide, planned, stream)));
                written.Add(path);
            }

            if (run.Options.Write.HasFlag(ExtraFormats.ClamPt))
            {
                written.Add(ResultStage.Save(Path.Combine(folder.FeaturesFolder, stream.Id + ".pt"), file => TorchTensorFile.Write(file, bag)));
            }
        }

        if (run.Options.Write.HasFlag(ExtraFormats.WsInfer))
        {
            foreach (TileScores tiles in scores)
            {
                FeatureFile bag = bags[tiles.Stream];
                ArrayFeatureBag probabilities = new(tiles.Labels.Count, tiles.Values, bag.Coordinates.ToArray(), bag.TileSizeLevel0);
                written.Add(ResultStage.Save(
                    Path.Combine(folder.Root, "model-outputs-csv", tiles.Model + ".csv"),
                    file => WsinferTable.Write(file, probabilities, tiles.Labels)));
            }
        }

        return written;
    }
}
