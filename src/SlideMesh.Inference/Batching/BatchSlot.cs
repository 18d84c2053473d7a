namespace SlideMesh.Inference.Batching;

/// <summary>
/// One tile's place in a batch. Fill it, then commit or abandon it, exactly once and soon: its batch waits for it.
/// One thread at a time.
/// </summary>
public readonly struct BatchSlot
{
    private readonly TileBatcher _batcher;
    private readonly TileBatch _batch;
    private readonly int _index;
    private readonly int _use;

    internal BatchSlot(TileBatcher batcher, TileBatch batch, int index, int use)
    {
        _batcher = batcher;
        _batch = batch;
        _index = index;
        _use = use;
    }

    /// <summary>Puts a tile into the batch, in the form that the session takes.</summary>
    /// <param name="rgb">[SizePx, SizePx, 3] bytes.</param>
    public void Fill(ReadOnlySpan<byte> rgb)
    {
        _batch.ThrowUnlessHeld(_index, _use);
        _batch.Tiles.Fill(_index, rgb);
    }

    /// <summary>Hands the tile over.</summary>
    /// <param name="destination">Takes the tile's row of results, as long as the graph's dimension; belongs to the batcher until the group's tile is done.</param>
    /// <param name="group">Told when the row is there, or that it will never be.</param>
    public void Commit(Memory<float> destination, TileGroup group)
    {
        ArgumentNullException.ThrowIfNull(group);
        ArgumentOutOfRangeException.ThrowIfNotEqual(destination.Length, _batcher.Graph.Dimension);
        _batch.ThrowUnlessHeld(_index, _use);
        group.Add();
        _batcher.Finish(_batch, _index, destination, group);
    }

    /// <summary>Gives the slot back without a tile (it could not be read).</summary>
    public void Abandon()
    {
        _batch.ThrowUnlessHeld(_index, _use);
        _batcher.Finish(_batch, _index, default, group: null);
    }
}
