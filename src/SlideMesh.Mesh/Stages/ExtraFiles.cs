using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Runs;
using SlideMesh.Reporting.Features;
using SlideMesh.Reporting.OutputStore;

namespace SlideMesh.Mesh.Stages;

/// <summary>Files in other tools' own layouts, written on request.</summary>
internal static class ExtraFiles
{
    /// <returns>Paths of the files written.</returns>
    public static IEnumerable<string> Write(
        RunContext run, CohortEntry slide, PlannedSlide planned, IReadOnlyDictionary<string, FeatureFile> bags, SlideFolder folder)
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
        }

        return written;
    }
}
