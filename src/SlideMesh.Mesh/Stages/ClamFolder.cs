using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Runs;
using SlideMesh.Reporting;
using SlideMesh.Reporting.OutputStore;
using SlideMesh.Reporting.Tables;

namespace SlideMesh.Mesh.Stages;

/// <summary>
/// What makes a folder of tensors one that CLAM's scripts take (mahmoodlab/CLAM, 53e2409): <c>h5_files</c> beside <c>pt_files</c>, and
/// <c>process_list_autogen.csv</c> with a row per slide of the command.
/// </summary>
internal static class ClamFolder
{
    public static void Write(RunContext run, FlatLayout layout, IReadOnlyList<SlideSummary> slides)
    {
        foreach (FeatureStream stream in layout.Streams)
        {
            string folder = Path.Combine(run.Store.Root, layout.Clam(stream.Id));
            if (slides.All(s => s.State != SlideState.Done))
            {
                continue;
            }

            Directory.CreateDirectory(folder);
            Link(Path.Combine(folder, "h5_files"), Path.Combine("..", "features_" + stream.Package));
            ResultStage.Save(Path.Combine(folder, "process_list_autogen.csv"), file => ClamProcessTable.Write(file, slides, run.Tissue, run.Options.MinTissueShare));
        }
    }

    // CLAM reads the features files as they are; a link instead of copies, which would double the largest files of all.
    private static void Link(string link, string target)
    {
        if (Path.Exists(link) || new FileInfo(link).LinkTarget is not null)
        {
            return;
        }

        try
        {
            Directory.CreateSymbolicLink(link, target);
        }
        catch (IOException)
        {
            // Some network shares have no links. CLAM trains from pt_files, which are there.
        }
    }
}
