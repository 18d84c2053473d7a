namespace SlideMesh.Slides.TiledTiff;

/// <summary>
/// Decoded tiles of one slide, least recently used out first. Neighbouring tiles lie in different shards, each with its own lock and
/// its own share of the bytes, so that threads that walk side by side rarely meet. Buffers go back to their shard when the last
/// reader is done, so that a long walk allocates nothing.
/// </summary>
internal sealed class TileCache
{
    private const int MaxShards = 16;
    private const int TilesPerShard = 8;

    private readonly Shard[] _shards;

    /// <param name="capacityBytes">Bound on what is kept; a tile in use by a reader is kept alive beyond it.</param>
    /// <param name="tileBytes">Bytes of the largest tile; every buffer has this size.</param>
    public TileCache(long capacityBytes, int tileBytes)
    {
        int shards = (int)Math.Clamp(capacityBytes / ((long)TilesPerShard * tileBytes), 1, MaxShards);
        int tiles = (int)Math.Min(capacityBytes / tileBytes / shards, 1 << 20);
        _shards = [.. Enumerable.Range(0, shards).Select(_ => new Shard(tiles, tileBytes))];
    }

    /// <summary>The tile's entry, whose pixels the caller decodes under the entry's own lock when nobody did. Give it back with <see cref="Release"/>.</summary>
    public Entry Acquire(int level, int tile) => ShardOf(level, tile).Acquire(((long)level << 32) | (uint)tile);

    /// <summary>The tile's entry if it is kept.</summary>
    public Entry? TryAcquire(int level, int tile) => ShardOf(level, tile).TryAcquire(((long)level << 32) | (uint)tile);

    /// <param name="isBroken">Forget it: its pixels could not be decoded.</param>
    public void Release(int level, int tile, Entry entry, bool isBroken) => ShardOf(level, tile).Release(entry, isBroken);

    private Shard ShardOf(int level, int tile) => _shards[(tile + level) % _shards.Length];

    internal sealed class Entry(long key, byte[] pixels)
    {
        public long Key { get; } = key;

        /// <summary>Row-major RGB of the tile's full size. Written under <see cref="Decoding"/> while not <see cref="IsDecoded"/>, then only read.</summary>
        public byte[] Pixels { get; } = pixels;

        public Lock Decoding { get; } = new();

        /// <summary>Guarded by <see cref="Decoding"/>.</summary>
        public bool IsDecoded { get; set; }

        /// <summary>Readers; guarded by the shard's lock, as is <see cref="IsKept"/>.</summary>
        public int Users { get; set; }

        public bool IsKept { get; set; }
    }

    private sealed class Shard(int capacityTiles, int tileBytes)
    {
        private readonly Lock _lock = new();
        private readonly Dictionary<long, LinkedListNode<Entry>> _kept = [];
        private readonly LinkedList<Entry> _byUse = new();
        private readonly Stack<byte[]> _spare = new();

        public Entry? TryAcquire(long key)
        {
            lock (_lock)
            {
                return _kept.TryGetValue(key, out LinkedListNode<Entry>? node) ? Use(node) : null;
            }
        }

        public Entry Acquire(long key)
        {
            lock (_lock)
            {
                if (_kept.TryGetValue(key, out LinkedListNode<Entry>? node))
                {
                    return Use(node);
                }

                while (_kept.Count > 0 && _kept.Count >= capacityTiles)
                {
                    Forget(_byUse.Last!);
                }

                var entry = new Entry(key, _spare.TryPop(out byte[]? pixels) ? pixels : GC.AllocateUninitializedArray<byte>(tileBytes)) { Users = 1 };
                if (capacityTiles > 0)
                {
                    entry.IsKept = true;
                    _kept.Add(key, _byUse.AddFirst(entry));
                }

                return entry;
            }
        }

        public void Release(Entry entry, bool isBroken)
        {
            lock (_lock)
            {
                entry.Users--;
                if (isBroken && entry.IsKept)
                {
                    Forget(_kept[entry.Key]);
                }
                else
                {
                    Recycle(entry);
                }
            }
        }

        private Entry Use(LinkedListNode<Entry> node)
        {
            _byUse.Remove(node);
            _byUse.AddFirst(node);
            node.Value.Users++;
            return node.Value;
        }

        private void Forget(LinkedListNode<Entry> node)
        {
            _byUse.Remove(node);
            _kept.Remove(node.Value.Key);
            node.Value.IsKept = false;
            Recycle(node.Value);
        }

        private void Recycle(Entry entry)
        {
            // Two spare buffers cover what is taken out and put in at one time; more would escape the bound.
            if (!entry.IsKept && entry.Users == 0 && _spare.Count < 2)
            {
                _spare.Push(entry.Pixels);
            }
        }
    }
}
