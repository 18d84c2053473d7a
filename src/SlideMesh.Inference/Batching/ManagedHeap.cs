namespace SlideMesh.Inference.Batching;

/// <summary>
/// Gives memory back at the seams of a run, where much has just become garbage and little will be allocated for a while: nothing would
/// ask for a collection then, and the garbage would be there at the peak. A collection takes 20 to 60 ms, so that it is for large slides and for loading models.
/// </summary>
public static class ManagedHeap
{
    /// <summary>Tiles of a slide whose predictions and maps leave enough garbage to do something about it: 600 bytes a tile were measured.</summary>
    public const int LargeSlideTiles = 10_000;

    /// <summary>Makes room of garbage in place, so that what comes next is laid there; nothing moves and nothing goes back. A few milliseconds.</summary>
    public static void Sweep() => GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true, compacting: false);

    public static void GiveBack() => GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
}
