namespace SlideMesh.Inference.Batching;

/// <summary>
/// Gives memory back at the seams of a run, where much has just become garbage and little will be allocated for a while: nothing would
/// ask for a collection then, and the garbage would be there at the peak. A collection takes 20 to 60 ms, so that it is for large slides and for loading models.
/// </summary>
public static class ManagedHeap
{
    public static void GiveBack() => GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
}
