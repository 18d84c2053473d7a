using System.Runtime.InteropServices;

namespace SlideMesh.Slides.Native;

/// <summary>
/// Finds a native library: the path in an environment variable first, then beside the program, then in the checkout's
/// <c>.native/</c> folder (filled by tools/setup.sh), then by the system's own search.
/// </summary>
public static class NativeLibraryFinder
{
    /// <param name="environmentVariable">Name of a variable that may hold the full path of the library.</param>
    /// <param name="fileNames">File names to try in order, e.g. <c>libopenslide.so.0</c>.</param>
    /// <param name="installHint">What a user should do when none loads.</param>
    /// <returns>A handle for <see cref="NativeLibrary.GetExport"/>; never freed (libraries live as long as the process).</returns>
    /// <exception cref="NativeLibraryUnavailableException">None of the candidates loads.</exception>
    public static nint Load(string environmentVariable, IReadOnlyList<string> fileNames, string installHint)
    {
        string? configured = Environment.GetEnvironmentVariable(environmentVariable);
        if (!string.IsNullOrEmpty(configured))
        {
            return NativeLibrary.TryLoad(configured, out nint chosen)
                ? chosen
                : throw new NativeLibraryUnavailableException($"{environmentVariable} names '{configured}', which does not load; correct or unset it.");
        }

        foreach (string fileName in fileNames)
        {
            foreach (string folder in Folders())
            {
                string candidate = Path.Combine(folder, fileName);
                if (File.Exists(candidate) && NativeLibrary.TryLoad(candidate, out nint local))
                {
                    return local;
                }
            }

            if (NativeLibrary.TryLoad(fileName, out nint system))
            {
                return system;
            }
        }

        throw new NativeLibraryUnavailableException($"{fileNames[0]} cannot be loaded; {installHint} (or set {environmentVariable} to its path).");
    }

    /// <summary>Folders in which SlideMesh's own copies of libraries lie, nearest first: beside the program, then the checkout's.</summary>
    public static IEnumerable<string> Folders()
    {
        string rid = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "linux-arm64" : "linux-x64";
        yield return AppContext.BaseDirectory;
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string native = Path.Combine(folder.FullName, ".native", rid);
            if (Directory.Exists(native))
            {
                yield return native;
            }
        }
    }
}
