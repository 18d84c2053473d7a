using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using SlideMesh.Inference.Engines;
using SlideMesh.Inference.LibTorch;
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
        Option<bool> build = new("--build-torch") { Description = "First build the libtorch engine's library against the PyTorch or libtorch of this machine (needs cmake and a C++ compiler)." };
        Option<string?> path = new("--torch-path")
        {
            Description = "For --build-torch: a libtorch, a Python's site-packages/torch, or a python that has PyTorch. Default: python3's, else Debian's libtorch-dev.",
            HelpName = "folder",
        };
        Command command = new("doctor", "Check native libraries, engines, devices, models, memory and disk; say how to mend what is missing.") { output, build, path };
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(build))
            {
                Console.Out.WriteLine(TorchBuild.Run(parsed.GetValue(path), Console.Error));
            }
            else if (parsed.GetValue(path) is not null)
            {
                throw new CommandException("--torch-path says against what to build: add --build-torch");
            }

            return Examine(parsed.GetValue(output)!);
        });
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
        doctor.Check("hdf5", () => FeatureFile.Hdf5Version, "apt-get install libhdf5-103-1 (Debian 12) or libhdf5-310 (Debian 13)");
        doctor.Check("engine onnxruntime", () =>
        {
            using OnnxRuntimeEngine engine = new();
            return $"{engine.Description}, device cpu ({Environment.ProcessorCount} threads){(engine.WhyNoCuda(0) is null ? ", device cuda:0" : "")}";
        }, "run tools/setup.sh, or set SLIDEMESH_ONNXRUNTIME to a libonnxruntime.so");
        ExamineTorch(doctor);
        doctor.Check("models", Models, $"set {PackageCatalog.Variable} to a folder of packages, or run from a checkout");
        doctor.Tell("telemetry", Environment.GetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT") is { Length: > 0 } endpoint
            ? $"exported by OTLP to {endpoint}"
            : "off (set OTEL_EXPORTER_OTLP_ENDPOINT to export traces and metrics)");
        Console.Out.WriteLine(doctor.Missing == 0 ? "all good" : $"{doctor.Missing} to mend");
        return doctor.Missing == 0 ? ExitCode.Success : ExitCode.Environment;
    }

    /// <summary>An engine that is not there harms nothing: models then run on ONNX Runtime. A library that does not fit its PyTorch is told as well.</summary>
    private static void ExamineTorch(Examination doctor)
    {
        try
        {
            doctor.Tell("engine libtorch", LibTorchEngine.Build());
            foreach (TorchDeviceDescription device in LibTorchEngine.Devices())
            {
                string memory = device is { TotalBytes: long total, FreeBytes: long free }
                    ? string.Create(CultureInfo.InvariantCulture, $", {free / (double)(1L << 30):0.0} of {total / (double)(1L << 30):0.0} GiB free")
                    : string.Create(CultureInfo.InvariantCulture, $" ({Environment.ProcessorCount} threads)");
                doctor.Tell("", $"device {device.Device}: {device.Name}{memory}; {string.Join(", ", Precisions(device.Device))}");
            }
        }
        catch (Exception unusable) when (unusable is NativeLibraryUnavailableException or InferenceException)
        {
            doctor.Tell("engine libtorch", $"not usable: {unusable.Message.ReplaceLineEndings(" ")}");
            doctor.Tell("", "everything else works: models run on ONNX Runtime");
        }
    }

    private static IEnumerable<string> Precisions(TorchDevice device)
    {
        foreach (Precision precision in Enum.GetValues<Precision>())
        {
            bool computes;
            try
            {
                using LibTorchEngine engine = new(new LibTorchOptions { Device = device, Precision = precision });
                computes = true;
            }
            catch (InferenceException)
            {
                computes = false;
            }

            yield return computes ? KebabCase.Of(precision) : $"no {KebabCase.Of(precision)}";
        }
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
