using System.Runtime.InteropServices;
using SlideMesh.Inference.Engines;
using SlideMesh.Slides.Native;

namespace SlideMesh.Inference.OnnxRuntime;

/// <summary>Finds libonnxruntime and its function table. The only exported symbol that is bound is <c>OrtGetApiBase</c>.</summary>
internal static unsafe partial class OnnxRuntimeLibrary
{
    /// <summary>Variable that may name the library, e.g. a GPU build of the user's own.</summary>
    public const string Variable = "SLIDEMESH_ONNXRUNTIME";

    /// <summary>
    /// The table is append-only, and all members in use are older than version 6: asking for 16 admits any library
    /// from 1.16 on.
    /// </summary>
    private const uint ApiVersion = 16;

    internal const string Library = "onnxruntime";

    private const string Hint = "run tools/setup.sh";

    private static readonly Lazy<nint> Handle = new(() => Open(Variable, FileNames));

    private static readonly Lazy<OrtApi> Table = new(LoadTable);

    private static IReadOnlyList<string> FileNames => ["libonnxruntime.so.1", "libonnxruntime.so"];

    /// <exception cref="NativeLibraryUnavailableException">Missing or too old.</exception>
    public static OrtApi Api => Table.Value;

    /// <summary>For the import resolver.</summary>
    internal static nint LoadedHandle => Handle.Value;

    internal static nint Open(string variable, IReadOnlyList<string> fileNames) =>
        NativeLibraryFinder.Load(variable, fileNames, Hint);

    private static OrtApi LoadTable()
    {
        _ = Handle.Value;
        NativeImports.Register();
        void** root = OrtGetApiBase();
        void** table = ((delegate* unmanaged<uint, void**>)root[0])(ApiVersion);
        string version = Marshal.PtrToStringUTF8((nint)((delegate* unmanaged<byte*>)root[1])()) ?? "unknown";
        return table is not null
            ? new OrtApi(table, version)
            : throw new NativeLibraryUnavailableException(
                $"ONNX Runtime {version} is too old, 1.{ApiVersion} or newer is needed; {Hint} or set {Variable} to a newer libonnxruntime.so.");
    }

    [LibraryImport(Library)]
    private static partial void** OrtGetApiBase();
}
