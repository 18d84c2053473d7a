namespace SlideMesh.Slides.TiledTiff;

/// <summary>
/// Decoded tiles of one slide, least recently used out first. Neighbouring tiles lie in different shards, each with its own lock, so
/// that threads that walk side by side rarely meet; the bound in bytes is common to all. Buffers are used again when the last
/// reader is done, so that a long walk allocates nothing.
/// </summary>
internal sealed class TileCache
{
    private const int ShardCount = 16;

    private readonly long _capacityBytes;
    private readonly Shard[] _shards;
    private readonly SpareBuffers _spare = new();
    private long _keptBytes;

    /// <param name="capacityBytes">Bound on what is kept; a tile in use by a reader is kept alive beyond it.</param>
    public TileCache(long capacityBytes)
    {
        _capacityBytes = capacityBytes;
        _shards = [.. Enumerable.Range(0, ShardCount).Select(_ => new Shard(this))];
    }

    /// <summary>Bytes of tiles kept at the moment.</summary>
    public long KeptBytes => Interlocked.Read(ref _keptBytes);

    /// <summary>The tile's entry, whose pixels the caller decodes under the entry's own lock when nobody did. Give it back with <see cref="Release"/>.</summary>
    /// <param name="bytes">Size of the tile's pixels; always the same for one key.</param>
    public Entry Acquire(TileKey key, int bytes)
    {
        int home = Home(key);
        bool keep = bytes <= _capacityBytes;
        (Entry entry, bool isNew) = _shards[home].Acquire(key, bytes, keep);
        if (isNew && keep)
        {
            Interlocked.Add(ref _keptBytes, bytes);
            for (int i = 0; i < ShardCount && KeptBytes > _capacityBytes; i++)
            {
                while (KeptBytes > _capacityBytes && _shards[(home + i) % ShardCount].TryEvict(except: entry))
                {
                }
            }
        }

        return entry;
    }

    /// <summary>The tile's entry if it is kept.</summary>
    public Entry? TryAcquire(TileKey key) => _shards[Home(key)].TryAcquire(key);

    /// <param name="forget">Do not keep it: its pixels could not be decoded, or nobody will ask again.</param>
    public void Release(Entry entry, bool forget) => _shards[Home(entry.Key)].Release(entry, forget);

    /// <summary>Stops keeping a tile that nobody will ask for again.</summary>
    public void Forget(TileKey key) => _shards[Home(key)].Forget(key);

    /// <summary>Stops keeping any tile. Readers under way keep theirs until they are done.</summary>
    public void Clear()
    {
        foreach (Shard shard in _shards)
        {
            shard.Clear();
        }
    }

    private static int Home(TileKey key) => (int)((uint)(key.Tile + (key.Level * 7) + key.Halvings) % ShardCount);

    internal sealed class Entry(TileKey key, byte[] pixels)
    {
        public TileKey Key { get; } = key;

        /// <summary>The tile's full size, row-major RGB or in planes. Written under <see cref="Decoding"/> while not <see cref="IsDecoded"/>, then only read.</summary>
        public byte[] Pixels { get; } = pixels;

        public Lock Decoding { get; } = new();

        /// <summary>Guarded by <see cref="Decoding"/>.</summary>
        public bool IsDecoded { get; set; }

        /// <summary>As <see cref="IsDecoded"/>: the pixels are a plane of red, one of green and one of blue.</summary>
        public bool IsPlanar { get; set; }

        /// <summary>Readers; guarded by the shard's lock, as is <see cref="IsKept"/>.</summary>
        public int Users { get; set; }

        public bool IsKept { get; set; }
    }

    private sealed class Shard(TileCache cache)
    {
        private readonly Lock _lock = new();
        private readonly Dictionary<TileKey, LinkedListNode<Entry>> _kept = [];
        private readonly LinkedList<Entry> _byUse = new();

        public Entry? TryAcquire(TileKey key)
        {
            lock (_lock)
            {
                return _kept.TryGetValue(key, out LinkedListNode<Entry>? node) ? Use(node) : null;
            }
        }

        public (Entry Entry, bool IsNew) Acquire(TileKey key, int bytes, bool keep)
        {
            lock (_lock)
            {
                if (_kept.TryGetValue(key, out LinkedListNode<Entry>? node))
                {
                    return (Use(node), false);
                }

                var entry = new Entry(key, cache._spare.Take(bytes)) { Users = 1, IsKept = keep };
                if (keep)
                {
                    _kept.Add(key, _byUse.AddFirst(entry));
                }

                return (entry, true);
            }
        }

        public bool TryEvict(Entry except)
        {
            lock (_lock)
            {
                LinkedListNode<Entry>? oldest = _byUse.Last;
                if (oldest is not null && ReferenceEquals(oldest.Value, except))
                {
                    oldest = oldest.Previous;
                }

                if (oldest is null)
                {
                    return false;
                }

                Forget(oldest);
                return true;
            }
        }

        public void Release(Entry entry, bool forget)
        {
            lock (_lock)
            {
                entry.Users--;
                if (forget && entry.IsKept)
                {
                    Forget(_kept[entry.Key]);
                }
                else
                {
                    Recycle(entry);
                }
            }
        }

        public void Forget(TileKey key)
        {
            lock (_lock)
            {
                if (_kept.TryGetValue(key, out LinkedListNode<Entry>? node))
                {
                    Forget(node);
                }
            }
        }

        public void Clear()
        {
            lock (_lock)
            {
                while (_byUse.Last is { } node)
                {
                    Forget(node);
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
            Interlocked.Add(ref cache._keptBytes, -node.Value.Pixels.Length);
            Recycle(node.Value);
        }

        private void Recycle(Entry entry)
        {
            if (!entry.IsKept && entry.Users == 0)
            {
                cache._spare.Give(entry.Pixels);
            }
        }
    }
}

/// <summary>A source tile as it was decoded: halved so many times.</summary>
internal readonly record struct TileKey(int Level, int Halvings, int Tile);
