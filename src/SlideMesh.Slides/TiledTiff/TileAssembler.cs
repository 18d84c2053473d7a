using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.Raster;

namespace SlideMesh.Slides.TiledTiff;

/// <summary>Puts regions together from decoded tiles. Thread-safe.</summary>
internal sealed class TileAssembler(TileDecoder decoder, TileCache cache)
{
    /// <param name="inside">The part of <paramref name="region"/> that lies inside of the level; not empty.</param>
    /// <param name="uses">Decides which tiles are kept.</param>
    /// <returns>False when a tile does not decode cleanly; <paramref name="rgb"/> then holds anything.</returns>
    public bool TryRead(TiledTiffLevel level, int halvings, LevelRegion region, LevelRegion inside, ITileUses uses, Span<byte> rgb)
    {
        int tileWidth = level.TileWidth >> halvings;
        int tileHeight = level.TileHeight >> halvings;
        for (long row = inside.Y / tileHeight; row * tileHeight < inside.Y + inside.Height; row++)
        {
            for (long column = inside.X / tileWidth; column * tileWidth < inside.X + inside.Width; column++)
            {
                var place = new TilePlace((int)((row * level.Columns) + column), column * tileWidth, row * tileHeight, tileWidth, tileHeight);
                if (!TryReadTile(level, halvings, place, region, inside, uses, rgb))
                {
                    return false;
                }
            }
        }

        return true;
    }

    private bool TryReadTile(
        TiledTiffLevel level, int halvings, TilePlace place, LevelRegion region, LevelRegion inside, ITileUses uses, Span<byte> rgb)
    {
        var key = new TileKey(level.Index, halvings, place.Tile);
        if (level.IsSparse(place.Tile))
        {
            Fill(place, region, inside, rgb);
            uses.End(place.Tile);
            return true;
        }

        TileCache.Entry? entry = cache.TryAcquire(key);
        if (entry is null && place.IsInside(inside) && uses.IsOnly(place.Tile))
        {
            // Straight to its place, nothing kept.
            int at = (int)((((place.Top - region.Y) * region.Width) + place.Left - region.X) * 3);
            bool isDecoded = decoder.TryDecode(level, place.Tile, halvings, rgb[at..], region.Width * 3);
            uses.End(place.Tile);
            return isDecoded;
        }

        entry ??= cache.Acquire(key, place.Width * place.Height * 3);
        bool isGood = false;
        bool isLast = false;
        try
        {
            lock (entry.Decoding)
            {
                if (!entry.IsDecoded)
                {
                    entry.IsDecoded = decoder.TryDecode(level, place.Tile, halvings, entry.Pixels, out bool isPlanar);
                    entry.IsPlanar = isPlanar;
                }

                isGood = entry.IsDecoded;
            }

            if (isGood)
            {
                Copy(entry.Pixels, entry.IsPlanar, place, region, inside, rgb);
            }

            return isGood;
        }
        finally
        {
            isLast = uses.End(place.Tile);
            cache.Release(entry, forget: !isGood || isLast);
        }
    }

    private static void Copy(byte[] pixels, bool isPlanar, TilePlace place, LevelRegion region, LevelRegion inside, Span<byte> rgb)
    {
        (int width, int rows, long fromX, long fromY) = place.Common(inside);
        int source = (int)(((fromY - place.Top) * place.Width) + fromX - place.Left);
        int target = (int)((((fromY - region.Y) * region.Width) + fromX - region.X) * 3);
        int plane = place.Width * place.Height;
        for (int i = 0; i < rows; i++, source += place.Width, target += region.Width * 3)
        {
            if (isPlanar)
            {
                PlaneInterleaver.Interleave(
                    pixels.AsSpan(source, width), pixels.AsSpan(plane + source, width), pixels.AsSpan((2 * plane) + source, width), rgb[target..]);
            }
            else
            {
                pixels.AsSpan(source * 3, width * 3).CopyTo(rgb[target..]);
            }
        }
    }

    private static void Fill(TilePlace place, LevelRegion region, LevelRegion inside, Span<byte> rgb)
    {
        (int width, int rows, long fromX, long fromY) = place.Common(inside);
        int target = (int)((((fromY - region.Y) * region.Width) + fromX - region.X) * 3);
        for (int i = 0; i < rows; i++, target += region.Width * 3)
        {
            rgb.Slice(target, width * 3).Fill(255);
        }
    }

    /// <summary>Where a tile lies on its level, in the level's pixels as they are decoded (halved or not).</summary>
    private readonly record struct TilePlace(int Tile, long Left, long Top, int Width, int Height)
    {
        public bool IsInside(LevelRegion region) =>
            Left >= region.X && Top >= region.Y && Left + Width <= region.X + region.Width && Top + Height <= region.Y + region.Height;

        public (int Width, int Rows, long FromX, long FromY) Common(LevelRegion region)
        {
            long fromX = Math.Max(Left, region.X);
            long fromY = Math.Max(Top, region.Y);
            return (
                (int)(Math.Min(Left + Width, region.X + region.Width) - fromX),
                (int)(Math.Min(Top + Height, region.Y + region.Height) - fromY),
                fromX,
                fromY);
        }
    }
}

/// <summary>What is known of how often a tile will be wanted.</summary>
internal interface ITileUses
{
    /// <summary>Nobody but the caller wants the tile, now or later.</summary>
    bool IsOnly(int tile);

    /// <summary>A use is over.</summary>
    /// <returns>True when no further use will come, so that the tile need not be kept.</returns>
    bool End(int tile);
}
