using SlideMesh.Inference.Engines;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Cluster;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Redis;
using SlideMesh.Mesh.Runs;
using SlideMesh.Models.Architectures;
using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Packaging;
using SlideMesh.Prediction;
using SlideMesh.Prediction.Omics;
using SlideMesh.Slides;
using SlideMesh.Slides.Native;

namespace SlideMesh.Cli;

/// <summary>Turns a failure into the one line that a user sees and the exit code that a script sees.</summary>
internal static class UserError
{
    /// <returns>The exit code, or null when the failure is a defect of ours.</returns>
    public static int? Explain(Exception failure, TextWriter error)
    {
        (int? code, string line) = failure switch
        {
            CohortException or ModelPackageException or CommandException or OmicsTableException or PredictionException => (ExitCode.BadInput, failure.Message),
            CheckpointException or ImportOptionException or ProbeReferenceException => (ExitCode.BadInput, failure.Message),
            SlideFormatException => (ExitCode.BadInput, failure.Message),
            OutputException or PackageOutputException => (ExitCode.OutputUnusable, failure.Message),
            NativeLibraryUnavailableException => (ExitCode.Environment, failure.Message),
            InferenceException or RedisUnusableException or UnfitNodeException => (ExitCode.Environment, failure.Message),
            OperationCanceledException => (ExitCode.Interrupted, "stopped"),
            _ => ((int?)null, failure.Message),
        };
        error.WriteLine($"slidemesh: {PlainText.OneLine(line)}");
        return code;
    }
}

/// <summary>An argument that does not make sense; one line for the user.</summary>
internal sealed class CommandException(string message) : Exception(message);
