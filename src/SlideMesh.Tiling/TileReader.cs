using System.Buffers;
using SlideMesh.Slides;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.Raster;

namespace SlideMesh.Tiling;

/// <summary>Reads the tiles of a plan. Thread-safe; borrows the slide, which the caller disposes.</summary>
public sealed class TileReader
{
    private readonly ISlideSource _source;
    private readonly AreaResampler _resampler;

    public TileReader(ISlideSource source, TilePlan plan)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(plan);
        _source = source;
        Plan = plan;
        _resampler = new AreaResampler(plan.ReadWidthPx, plan.ReadHeightPx, plan.Spec.SizePx, plan.Spec.SizePx);
    }

    public TilePlan Plan { get; }

    /// <summary>Reads tile <paramref name="index"/> of the plan, resampled by area where the level is finer than wanted.</summary>
    /// <param name="rgb">Destination, [SizePx, SizePx, 3] row-major RGB over white; owned by the caller.</param>
    /// <exception cref="TileReadException">The tile cannot be decoded. Other tiles still can.</exception>
    public void Read(int index, Span<byte> rgb)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Plan.Tiles.Count);
        int size = Plan.Spec.SizePx;
        ArgumentOutOfRangeException.ThrowIfLessThan(rgb.Length, checked(size * size * 3));
        if (_resampler.IsIdentity)
        {
            ReadRegion(index, rgb);
            return;
        }

        byte[] region = ArrayPool<byte>.Shared.Rent(checked(Plan.ReadWidthPx * Plan.ReadHeightPx * 3));
        try
        {
            ReadRegion(index, region);
            _resampler.Resample(region, rgb);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(region);
        }
    }

    private void ReadRegion(int index, Span<byte> rgb)
    {
        PlannedTile tile = Plan.Tiles[index];
        try
        {
            _source.ReadRegion(new Level0Point(tile.X, tile.Y), Plan.ReadLevel.Index, Plan.ReadWidthPx, Plan.ReadHeightPx, rgb);
        }
        catch (SlideFormatException e)
        {
            throw new TileReadException(index, tile.X, tile.Y, e.Message, e);
        }
    }
}
