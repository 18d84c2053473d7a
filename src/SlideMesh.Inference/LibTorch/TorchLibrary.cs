using System.Runtime.InteropServices;
using SlideMesh.Inference.Engines;
using SlideMesh.Slides.Native;

namespace SlideMesh.Inference.LibTorch;

/// <summary>Finds libslidemesh_torch.so, which is built on the machine against its libtorch (see native/), and checks that both fit.</summary>
public static partial class TorchLibrary
{
    /// <summary>Variable that may name the built library.</summary>
    public const string Variable = "SLIDEMESH_LIBTORCH";

    public const string FileName = "libslidemesh_torch.so";

    private const string Hint = "build it: tools/setup.sh --torch, or 'slidemesh doctor --build-torch --torch-path FOLDER' for a PyTorch of your own";

    private static readonly Lazy<nint> Handle = new(() => Open(Environment.GetEnvironmentVariable(Variable)));

    private static readonly Lazy<TorchVersions> Checked = new(Check);

    /// <exception cref="NativeLibraryUnavailableException">Missing, or built for another SlideMesh or another libtorch.</exception>
    internal static TorchVersions Versions => Checked.Value;

    /// <summary>For the import resolver.</summary>
    internal static nint LoadedHandle => Handle.Value;

    private static TorchVersions Check()
    {
        _ = Handle.Value;
        NativeImports.Register();
        int found;
        try
        {
            found = TorchApi.smt_interface();
        }
        catch (EntryPointNotFoundException)
        {
            throw new NativeLibraryUnavailableException($"the library that {Variable} names is not {FileName}; {Hint}.");
        }

        if (found != TorchApi.Interface)
        {
            throw new NativeLibraryUnavailableException(
                $"{FileName} has interface {found}, this SlideMesh needs {TorchApi.Interface}; {Hint}.");
        }

        TorchApi.Check(TorchApi.smt_get_versions(out TorchVersions versions, out TorchError error), error);
        return Fits(versions.Compiled, versions.Running)
            ? versions
            : throw new NativeLibraryUnavailableException(
                $"{FileName} was built for libtorch {versions.Compiled} and finds {versions.Running}; {Hint}.");
    }

    /// <summary>Whether a library compiled for one version may run on another: PyTorch promises nothing between any two.</summary>
    /// <param name="running">A build's own suffix (+cu130, a0+git) does not count.</param>
    internal static bool Fits(string compiled, string running) => Release(compiled) == Release(running);

    /// <summary>Whether this libtorch has scaled_dot_product_attention with a scale of the caller's: since 2.1.</summary>
    internal static bool FusesAttention(string running) =>
        System.Version.TryParse(Release(running).Trim('.'), out System.Version? release) && release >= new System.Version(2, 1);

    private static string Release(string version) => string.Concat(version.TakeWhile(c => char.IsAsciiDigit(c) || c == '.'));

    /// <param name="configured">Path that the user chose; null or empty looks in SlideMesh's own folders.</param>
    internal static nint Open(string? configured)
    {
        string? file = string.IsNullOrEmpty(configured)
            ? NativeLibraryFinder.Folders().Select(folder => Path.Combine(folder, FileName)).FirstOrDefault(File.Exists)
            : configured;
        if (file is null)
        {
            throw new NativeLibraryUnavailableException($"{FileName} is not there; {Hint}.");
        }

        if (OperatingSystem.IsLinux())
        {
            // Debian 13's libtorch brings UCX, which takes SIGSEGV from .NET when it is loaded: a null reference then ends the process.
            // The native environment, which .NET's own SetEnvironmentVariable leaves alone; a value of the user's stays.
            _ = SetNativeVariable("UCX_ERROR_SIGNALS", "", 0);
        }

        try
        {
            return NativeLibrary.Load(file);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            throw new NativeLibraryUnavailableException(
                $"{(file == configured ? $"{Variable} names '{file}', which" : file)} does not load ({LoaderText(e)}); {Hint}.", e);
        }
    }

    /// <summary>The loader's own reason, without what .NET says around it.</summary>
    private static string LoaderText(Exception e) =>
        e.Message.Split('\n').Select(line => line.Trim()).FirstOrDefault(line => line.Contains(".so", StringComparison.Ordinal) && line.Contains(": ", StringComparison.Ordinal) && !line.StartsWith("Unable", StringComparison.Ordinal))
        ?? "a library that it needs is missing";

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetNativeVariable(string name, string value, int overwrite);
}
