using System.Reflection;
using System.Runtime.InteropServices;
using SlideMesh.Inference.LibTorch;
using SlideMesh.Inference.OnnxRuntime;

namespace SlideMesh.Inference.Engines;

/// <summary>An assembly has one import resolver: this one, for the libraries of every engine.</summary>
internal static class NativeImports
{
    private static readonly Lazy<bool> Registered = new(() =>
    {
        NativeLibrary.SetDllImportResolver(typeof(NativeImports).Assembly, Resolve);
        return true;
    });

    public static void Register() => _ = Registered.Value;

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath) => name switch
    {
        OnnxRuntimeLibrary.Library => OnnxRuntimeLibrary.LoadedHandle,
        TorchApi.Library => TorchLibrary.LoadedHandle,
        _ => 0,
    };
}
