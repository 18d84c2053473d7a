using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.OnnxRuntime;
using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Runs;
using SlideMesh.Reporting.Features;
using SlideMesh.Slides.Native;
using SlideMesh.Slides.OpenSlide;
using SlideMesh.Slides.Raster;
using SlideMesh.Slides.OpenJpeg;
using SlideMesh.Slides.TurboJpeg;

namespace SlideMesh.Cli.Commands;

/// <summary><c>slidemesh doctor</c>: is everything here that a run needs, and how to mend what is not.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        Option<string> output = new("--out", "-o") { Description = "Folder whose disk is checked.", DefaultValueFactory = _ => "." };
        Command command = new("doctor", "Check native libraries, engines, devices, models, memory and disk; say how to mend what is missing.") { output };
        command.SetAction(parsed => Examine(parsed.GetValue(output)!));
        return command;
    }

    private static int Examine(string output)
    {
        Examination doctor = new(Console.Out);
        doctor.Tell("slidemesh", SoftwareVersion.Current);
        doctor.Tell("system", $"{RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}, .NET {Environment.Version}");
        doctor.Tell("processor", $"{Environment.ProcessorCount} cores");
        doctor.Check("memory", Memory, "give the machine or container at least 2 GiB");
        doctor.Check("disk", () => Disk(output), "free space, or name a folder on another disk with --out");
        doctor.Check("openslide", () => OpenSlideSource.LibraryVersion, "apt-get install libopenslide0");
        doctor.Check("libjpeg-turbo", TryJpeg, "apt-get install libturbojpeg0");
        doctor.Check("OpenJPEG", OpenJpegLibrary.Load, "apt-get install libopenjp2-7");
        doctor.Check("hdf5", () => FeatureFile.Hdf5Version, "apt-get install libhdf5-103-1");
        doctor.Check("engine onnxruntime", () =>
        {
            using OnnxRuntimeEngine engine = new();
            return $"{engine.Description}, device cpu ({Environment.ProcessorCount} threads)";
        }, "run tools/setup.sh, or set SLIDEMESH_ONNXRUNTIME to a libonnxruntime.so");
        doctor.Tell("engine libtorch", "not built into this version: models run on ONNX Runtime");
        doctor.Check("models", Models, $"set {PackageCatalog.Variable} to a folder of packages, or run from a checkout");
        doctor.Tell("telemetry", Environment.GetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT") is { Length: > 0 } endpoint
            ? $"exported by OTLP to {endpoint}"
            : "off (set OTEL_EXPORTER_OTLP_ENDPOINT to export traces and metrics)");
        Console.Out.WriteLine(doctor.Missing == 0 ? "all good" : $"{doctor.Missing} to mend");
        return doctor.Missing == 0 ? ExitCode.Success : ExitCode.Environment;
    }

    private static string Memory()
    {
        double gibibytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (double)(1L << 30);
        return gibibytes >= 2
            ? string.Create(CultureInfo.InvariantCulture, $"{gibibytes:0.0} GiB (a run needs about 1 GiB, whatever the slide)")
            : throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"{gibibytes:0.0} GiB is too little for a run"));
    }

    private static string Disk(string output)
    {
        DriveInfo drive = new(Path.GetFullPath(output));
        double gibibytes = drive.AvailableFreeSpace / (double)(1L << 30);
        return gibibytes >= 1
            ? string.Create(CultureInfo.InvariantCulture, $"{gibibytes:0.0} GiB free at {Path.GetFullPath(output)}")
            : throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"{gibibytes:0.00} GiB free at {Path.GetFullPath(output)} is too little for results"));
    }

    private static string TryJpeg()
    {
        using JpegEncoder encoder = new(90);
        byte[] jpeg = encoder.Encode(new RgbImage(8, 8));
        return $"works ({jpeg.Length} bytes for a black 8 x 8)";
    }

    private static string Models()
    {
        IReadOnlyList<string> folders = PackageCatalog.Default().Available();
        foreach (string folder in folders)
        {
            _ = ModelPackage.Load(folder);
        }

        return folders.Count > 0
            ? $"{folders.Count} packages, all verified"
            : throw new InferenceException("no model package on the search path");
    }

    private sealed class Examination(TextWriter output)
    {
        public int Missing { get; private set; }

        public void Tell(string what, string value) => output.WriteLine($"  {what,-20} {value}");

        public void Check(string what, Func<string> look, string mend)
        {
            try
            {
                Tell(what, look());
            }
#pragma warning disable CA1031 // Whatever a broken library throws is the finding.
            catch (Exception missing)
#pragma warning restore CA1031
            {
                Missing++;
                Tell(what, $"MISSING: {missing.Message.ReplaceLineEndings(" ")}");
                if (mend.Length > 0)
                {
                    Tell("", $"mend: {mend}");
                }
            }
        }
    }
}
