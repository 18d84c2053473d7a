using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using SlideMesh.Slides.Native;

namespace SlideMesh.Reporting.Features.Hdf5;

/// <summary>
/// The HDF5 library of this process: found, started, its version checked. Builds differ in whether they are thread-safe, so every
/// call runs under <see cref="Enter"/>; features are written in large blocks, which makes the lock cheap.
/// </summary>
public sealed unsafe class Hdf5Library
{
    private static readonly Lock Gate = new();

    private static readonly Lazy<Hdf5Library> Loaded = new(() => new Hdf5Library());

    private Hdf5Library()
    {
        nint library = NativeLibraryFinder.Load(
            "SLIDEMESH_HDF5",
            ["libhdf5_serial.so.103", "libhdf5_serial.so.310", "libhdf5.so.103", "libhdf5.so.200", "libhdf5.so.310", "libhdf5.so"],
            "install it with tools/setup.sh, or Debian's libhdf5-103-1 (12) or libhdf5-310 (13)");
        NativeLibrary.SetDllImportResolver(
            typeof(Hdf5Library).Assembly, (name, _, _) => name == Hdf5Native.Library ? library : 0);

        using (Gate.EnterScope())
        {
            // A file that could not be closed because the disk is full stays open in the library, whose clearing up at the
            // process's exit then tries to write it once more and dies with a segmentation fault (1.10.8). Every file is closed
            // by its owner, so nothing is left to clear up.
            _ = Hdf5Native.H5dont_atexit();
            if (Hdf5Native.H5open() < 0 || Hdf5Native.H5get_libversion(out uint major, out uint minor, out uint release) < 0)
            {
                throw new Hdf5Exception("the HDF5 library does not start");
            }

            Version = $"{major}.{minor}.{release}";
            if (!NativeLibrary.TryGetExport(library, nameof(Hdf5Native.H5Pset_file_locking), out _))
            {
                throw new NativeLibraryUnavailableException($"HDF5 {Version} is too old: 1.10.7 or newer is needed; install Debian's libhdf5-103-1 (12) or libhdf5-310 (13).");
            }
        }

        // Predefined types are variables of the library, valid after H5open. Files hold little-endian types on every machine.
        nint Global(string name) => (nint)(*(long*)NativeLibrary.GetExport(library, name));
        Float32 = Global("H5T_IEEE_F32LE_g");
        Float64 = Global("H5T_IEEE_F64LE_g");
        Int64 = Global("H5T_STD_I64LE_g");
        CString = Global("H5T_C_S1_g");
        DatasetCreation = Global("H5P_CLS_DATASET_CREATE_ID_g");
        FileCreation = Global("H5P_CLS_FILE_CREATE_ID_g");
        FileAccess = Global("H5P_CLS_FILE_ACCESS_ID_g");
    }

    /// <summary>The library in use, e.g. <c>1.10.8</c>.</summary>
    /// <exception cref="NativeLibraryUnavailableException">The library is missing or older than 1.10.7.</exception>
    public static string LibraryVersion => Instance.Version;

    internal static Hdf5Library Instance => Loaded.Value;

    internal string Version { get; }

    internal nint Float32 { get; }

    internal nint Float64 { get; }

    internal nint Int64 { get; }

    internal nint CString { get; }

    internal nint DatasetCreation { get; }

    internal nint FileCreation { get; }

    internal nint FileAccess { get; }

    /// <summary>Guards calls into the library until disposed; taken again by the same thread without harm.</summary>
    internal static Lock.Scope Enter()
    {
        Lock.Scope scope = Gate.EnterScope();

        // Errors reach the caller as exceptions; nothing is printed. Some builds keep this setting per thread.
        _ = Hdf5Native.H5Eset_auto2(Hdf5Native.H5E_DEFAULT, 0, 0);
        return scope;
    }

    /// <summary>Turns a negative status into an exception with the library's error stack.</summary>
    internal static int Check(int status, string path) => status >= 0 ? status : throw Failure(path);

    internal static Hdf5Id Check(Hdf5Id id, string path)
    {
        if (!id.IsInvalid)
        {
            return id;
        }

        id.Dispose();
        throw Failure(path);
    }

    private static Hdf5Exception Failure(string path)
    {
        List<string> lines = [];
        GCHandle handle = GCHandle.Alloc(lines);
        _ = Hdf5Native.H5Ewalk2(Hdf5Native.H5E_DEFAULT, Hdf5Native.H5E_WALK_DOWNWARD, &CollectError, GCHandle.ToIntPtr(handle));
        _ = Hdf5Native.H5Eclear2(Hdf5Native.H5E_DEFAULT);
        handle.Free();

        StringBuilder text = new($"{path}: HDF5 failed");
        foreach (string line in lines)
        {
            text.Append(text.Length == path.Length + ": HDF5 failed".Length ? ": " : "; ").Append(line);
        }

        return new Hdf5Exception(text.ToString());
    }

    [UnmanagedCallersOnly]
    private static int CollectError(uint n, Hdf5Native.H5E_error2_t* error, nint clientData)
    {
        if (GCHandle.FromIntPtr(clientData).Target is List<string> lines)
        {
            lines.Add($"{Marshal.PtrToStringUTF8((nint)error->desc)} ({Marshal.PtrToStringUTF8((nint)error->func_name)})");
        }

        return 0;
    }
}
