using System.Runtime.InteropServices;

namespace SlideMesh.Inference.Batching;

/// <summary>
/// Gives memory back at the seams of a run, where much has just become garbage and little will be allocated for a while: nothing would
/// ask for a collection then, and the garbage would be there at the peak.
/// </summary>
public static partial class ManagedHeap
{
    /// <summary>Tiles of a slide whose predictions and maps leave enough garbage to do something about it: 600 bytes a tile were measured.</summary>
    private const int LargeSlideTiles = 10_000;

    /// <summary>
    /// Makes room of the garbage of a slide with many tiles, in place, so that what comes next is laid there; nothing moves and nothing goes
    /// back. A few milliseconds.
    /// </summary>
    public static void SweepAfter(long tiles)
    {
        if (tiles >= LargeSlideTiles)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true, compacting: false);
        }
    }

    /// <summary><see cref="GiveBack"/> after a slide with many tiles.</summary>
    public static void GiveBackAfter(long tiles)
    {
        if (tiles >= LargeSlideTiles)
        {
            GiveBack();
        }
    }

    /// <summary>
    /// Moves what lives together and gives the rest back to the system, that of native libraries too: what ONNX Runtime and HDF5 freed stays
    /// with glibc otherwise, 20 MB after the predictions of 66,000 tiles. Takes 20 to 60 ms, so that it is for large slides and for loading models.
    /// </summary>
    public static void GiveBack()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        if (OperatingSystem.IsLinux() && NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), "malloc_trim", out _))
        {
            _ = malloc_trim(0);
        }
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int malloc_trim(nuint pad);
}
