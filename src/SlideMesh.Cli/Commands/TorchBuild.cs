using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using SlideMesh.Inference.LibTorch;
using SlideMesh.Slides.Native;

namespace SlideMesh.Cli.Commands;

/// <summary>
/// Builds the libtorch engine's library from its sources (beside the program, or in the checkout) against a PyTorch or libtorch of this
/// machine. It goes to where the program looks first: the checkout's <c>.native</c>, or the program's own folder.
/// </summary>
internal static class TorchBuild
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(15);

    /// <param name="path">A libtorch, a site-packages/torch, a virtual environment or a python; null looks for one.</param>
    /// <returns>What was built, in one line.</returns>
    /// <exception cref="CommandException">There is no such PyTorch.</exception>
    /// <exception cref="NativeLibraryUnavailableException">The tools are missing or the build fails; the message has the compiler's first error.</exception>
    public static string Run(string? path, TextWriter progress)
    {
        string sources = FindSources();
        string root = FindTorch(path);
        string target = FindTarget();
        string work = Directory.CreateTempSubdirectory("slidemesh-torch-").FullName;
        try
        {
            string configured = Execute("cmake", ["-S", sources, "-B", work, $"-DTORCH_ROOT={root}"]);
            progress.WriteLine($"slidemesh: building {TorchLibrary.FileName} against {root} (about a minute)");
            _ = Execute("cmake", ["--build", work, "--parallel", Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture)]);
            // Renamed into place: a program that has the old one loaded keeps it.
            string built = Path.Combine(target, TorchLibrary.FileName);
            File.Copy(Path.Combine(work, TorchLibrary.FileName), built + ".part", overwrite: true);
            File.Move(built + ".part", built, overwrite: true);
            string what = configured.Split('\n').FirstOrDefault(line => line.StartsWith("-- libtorch ", StringComparison.Ordinal))?[3..].Trim() ?? "libtorch";
            return $"built {built} for {what}";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NativeLibraryUnavailableException($"{TorchLibrary.FileName} cannot be put into {target}: {e.Message}", e);
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    private static string FindSources()
    {
        const string Checkout = "src/SlideMesh.Inference/LibTorch/native";
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            foreach (string candidate in (string[])["torch-native", Checkout])
            {
                string found = Path.Combine(folder.FullName, candidate);
                if (File.Exists(Path.Combine(found, "CMakeLists.txt")))
                {
                    return found;
                }
            }
        }

        throw new NativeLibraryUnavailableException("the sources of the libtorch engine's library are not beside the program; publish it again");
    }

    private static string FindTarget()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "SlideMesh.sln")))
            {
                string rid = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "linux-arm64" : "linux-x64";
                return Directory.CreateDirectory(Path.Combine(folder.FullName, ".native", rid)).FullName;
            }
        }

        return AppContext.BaseDirectory;
    }

    private static string FindTorch(string? path)
    {
        if (path is not null)
        {
            return Resolve(path) ?? throw new CommandException(
                $"--torch-path '{path}' is no libtorch, no site-packages/torch and no python with PyTorch: lib/libc10.so and include/torch are needed there");
        }

        return TorchOf("python3") ?? (IsTorch("/usr") ? "/usr" : null)
            ?? throw new NativeLibraryUnavailableException("no PyTorch with headers was found: name one with --torch-path, or apt-get install libtorch-dev libopenblas0-pthread");
    }

    private static string? Resolve(string path)
    {
        if (File.Exists(path))
        {
            return TorchOf(path);
        }

        string full = Path.GetFullPath(path);
        string python = Path.Combine(full, "bin", "python");
        return IsTorch(full) ? full
            : IsTorch(Path.Combine(full, "torch")) ? Path.Combine(full, "torch")
            : File.Exists(python) ? TorchOf(python)
            : null;
    }

    private static bool IsTorch(string root) =>
        File.Exists(Path.Combine(root, "include", "torch", "script.h"))
        && (File.Exists(Path.Combine(root, "lib", "libc10.so")) || (Directory.Exists(Path.Combine(root, "lib")) && Directory.EnumerateDirectories(Path.Combine(root, "lib"), "*-linux-gnu").Any(folder => File.Exists(Path.Combine(folder, "libc10.so")))));

    /// <summary>The folder of a python's PyTorch, null when it has none with headers.</summary>
    private static string? TorchOf(string python)
    {
        try
        {
            string folder = Start(python, ["-c", "import os, torch; print(os.path.dirname(torch.__file__))"], out int code).Trim();
            return code == 0 && IsTorch(folder) ? folder : null;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    private static string Execute(string program, string[] arguments)
    {
        const string Tools = "apt-get install cmake make g++";
        string output;
        int code;
        try
        {
            output = Start(program, arguments, out code);
        }
        catch (Win32Exception)
        {
            throw new NativeLibraryUnavailableException($"{program} is missing: {Tools}");
        }

        if (code == 0)
        {
            return output;
        }

        string reason = Reason(output) ?? $"exit code {code}";
        bool tools = reason.Contains("COMPILER", StringComparison.Ordinal) || reason.Contains("CMAKE_MAKE_PROGRAM", StringComparison.Ordinal);
        throw new NativeLibraryUnavailableException($"{TorchLibrary.FileName} cannot be built: {reason}{(tools ? $"; {Tools}" : "")}");
    }

    /// <summary>The first error in one line: the compiler's own, or what CMake writes in the lines below "CMake Error at …".</summary>
    internal static string? Reason(string output)
    {
        string[] lines = output.Split('\n');
        int first = Array.FindIndex(lines, line => line.Contains("rror", StringComparison.Ordinal) && !line.StartsWith("-- ", StringComparison.Ordinal));
        if (first < 0)
        {
            return null;
        }

        IEnumerable<string> text = lines[first].StartsWith("CMake Error", StringComparison.Ordinal)
            ? lines.Skip(first + 1).Select(line => line.Trim()).SkipWhile(line => line.Length == 0).TakeWhile(line => line.Length > 0)
            : [lines[first].Trim()];
        return string.Join(' ', text) is { Length: > 0 } reason ? reason : lines[first].Trim();
    }

    /// <returns>Standard output and standard error together.</returns>
    private static string Start(string program, string[] arguments, out int code)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["LC_ALL"] = "C";
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        if (!process.WaitForExit(Longest))
        {
            process.Kill(entireProcessTree: true);
        }

        code = process.ExitCode;
        return output + (code == 0 ? "" : error.GetAwaiter().GetResult());
    }
}
