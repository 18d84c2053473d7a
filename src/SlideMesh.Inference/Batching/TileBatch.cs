using SlideMesh.Inference.Engines;

namespace SlideMesh.Inference.Batching;

/// <summary>
/// A batch buffer and who waits for its rows. Used again and again. <see cref="Reserved"/> and <see cref="Finished"/> change under the batcher's
/// lock; a slot's own entries belong to the slot's holder until it is finished.
/// </summary>
internal sealed class TileBatch
{
    private readonly int[] _held;
    private int _use;

    /// <param name="tiles">Disposed by the batcher.</param>
    public TileBatch(TileBuffer tiles)
    {
        int capacity = tiles.Capacity;
        Capacity = capacity;
        Tiles = tiles;
        _held = new int[capacity];
        Destinations = new Memory<float>[capacity];
        Groups = new TileGroup?[capacity];
    }

    public int Capacity { get; }

    public int Reserved { get; private set; }

    public int Finished { get; private set; }

    /// <summary>No further slot is given out.</summary>
    public bool IsClosed { get; set; }

    public bool IsReady => IsClosed && Finished == Reserved;

    public Memory<float>[] Destinations { get; }

    /// <summary>Null for abandoned slots.</summary>
    public TileGroup?[] Groups { get; }

    public TileBuffer Tiles { get; }

    /// <summary>Of the last run of this batch, its parts together; null where the session does not tell.</summary>
    public TileRunTimings? Timings { get; set; }

    public bool HasTiles(int first, int count) => Groups.AsSpan(first, count).ContainsAnyExcept((TileGroup?)null);

    public BatchSlot Reserve(TileBatcher batcher)
    {
        int index = Reserved++;
        _held[index] = ++_use;
        return new BatchSlot(batcher, this, index, _use);
    }

    public void Finish(int index, Memory<float> destination, TileGroup? group)
    {
        _held[index] = 0;
        Destinations[index] = destination;
        Groups[index] = group;
        Finished++;
    }

    public void ThrowUnlessHeld(int index, int use)
    {
        if (Volatile.Read(ref _held[index]) != use)
        {
            throw new InvalidOperationException("The slot was committed or abandoned before.");
        }
    }

    /// <summary>Groups of the tiles that were handed over; they are forgotten here.</summary>
    public IReadOnlyList<TileGroup> TakeGroups()
    {
        List<TileGroup> taken = [.. Groups.OfType<TileGroup>()];
        Array.Clear(Groups);
        return taken;
    }

    public void Clear()
    {
        Array.Clear(Destinations, 0, Reserved);
        Array.Clear(Groups, 0, Reserved);
        Reserved = 0;
        Finished = 0;
        IsClosed = false;
        Timings = null;
    }
}
