using SlideMesh.Slides.Pyramid;

namespace SlideMesh.Slides.TiledTiff;

/// <summary>
/// A walk whose regions are known: a tile that one region alone wants is decoded to its place, any other is kept from its first to
/// its last use. Compressed tiles of the regions to come are asked for ahead of time.
/// </summary>
internal sealed class TilePass : IRegionPass, ITileUses
{
    /// <summary>A dictionary's entry costs about as much as that many counters.</summary>
    private const int SparseRatio = 16;

    private readonly TiledTiffLevel _level;
    private readonly RegionWalk _walk;
    private readonly TileAssembler _assembler;
    private readonly TileCache _cache;
    private readonly ReadAhead _readAhead;

    /// <summary>Regions to come, by tile or by the tile's slot.</summary>
    private readonly int[] _left;

    /// <summary>By tile or slot: how its bytes were asked for.</summary>
    private readonly int[] _askedFor;

    /// <summary>For walks that touch little of a level; null when every tile has its own place.</summary>
    private readonly Dictionary<int, int>? _slots;

    public TilePass(TiledTiffLevel level, RegionWalk walk, TileAssembler assembler, TileCache cache, ReadAhead readAhead)
    {
        _level = level;
        _walk = walk;
        _assembler = assembler;
        _cache = cache;
        _readAhead = readAhead;
        _slots = walk.Count < level.TileCount / SparseRatio ? [] : null;
        if (_slots is not null)
        {
            foreach (int tile in TouchedTiles())
            {
                _slots.TryAdd(tile, _slots.Count);
            }
        }

        _left = new int[_slots?.Count ?? level.TileCount];
        _askedFor = new int[_left.Length];
        foreach (int tile in TouchedTiles())
        {
            _left[Slot(tile)]++;
        }
    }

    public bool TryRead(int index, Span<byte> rgb)
    {
        if (!TryFind(index, out LevelRegion region, out LevelRegion inside))
        {
            return false;
        }

        _readAhead.Reach(index, _walk.Count, this, static (i, pass, way) => pass.CompressedTiles(i, way));
        if (inside != region)
        {
            rgb.Fill(255);
        }

        return inside.Width == 0 || inside.Height == 0 || _assembler.TryRead(_level, _walk.Halvings, region, inside, this, rgb);
    }

    public bool IsOnly(int tile) => Volatile.Read(ref _left[Slot(tile)]) <= 1;

    public bool End(int tile) => Interlocked.Decrement(ref _left[Slot(tile)]) <= 0;

    /// <summary>Regions that were never read leave tiles behind.</summary>
    public void Dispose()
    {
        _readAhead.Dispose();
        foreach (int tile in (IEnumerable<int>?)_slots?.Keys ?? Enumerable.Range(0, _left.Length))
        {
            if (_left[Slot(tile)] > 0)
            {
                _cache.Forget(new TileKey(_level.Index, _walk.Halvings, tile));
            }
        }
    }

    private int Slot(int tile) => _slots is null ? tile : _slots[tile];

    private IEnumerable<int> TouchedTiles() => Enumerable.Range(0, _walk.Count)
        .SelectMany(i => TryFind(i, out _, out LevelRegion inside) ? _level.TilesOf(inside, _walk.Halvings) : []);

    private IEnumerable<int> CompressedTiles(int index, int way) => TryFind(index, out _, out LevelRegion inside)
        ? _level.TilesOf(inside, _walk.Halvings).Where(
            t => !_level.IsSparse(t) && Volatile.Read(ref _left[Slot(t)]) > 0 && Interlocked.Exchange(ref _askedFor[Slot(t)], way) < way)
        : [];

    /// <summary>False when the region is none of this pass.</summary>
    private bool TryFind(int index, out LevelRegion region, out LevelRegion inside)
    {
        region = _walk.Region(index);
        inside = region.Clip(_level.Width >> _walk.Halvings, _level.Height >> _walk.Halvings);
        return region.Width > 0 && (_walk.Halvings == 0 || inside == region);
    }
}
