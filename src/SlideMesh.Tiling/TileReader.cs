using System.Buffers;
using SlideMesh.Slides;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.Raster;

namespace SlideMesh.Tiling;

/// <summary>
/// Reads the tiles of a plan. Thread-safe; borrows the slide, which the caller disposes. One reader for all tiles of a plan lets the slide
/// decode each of its own tiles once, however the plan's tiles overlap them. Dispose gives up what is still kept for tiles that were not read.
/// </summary>
/// <remarks>
/// A tile that is 2, 4 or 8 times as coarse as its level, or at least 3.9 times, is decoded at 1/2, 1/4 or 1/8 of the size where the slide's
/// decoder can, and the rest resampled by area. Against the area mean of all pixels, tissue is 0.1 to 0.6 grey levels off in the mean. A
/// tile reads the same whichever others were read before it, and on whichever thread.
/// </remarks>
public sealed class TileReader : IDisposable
{
    private readonly ISlideSource _source;
    private readonly AreaResampler _resampler;
    private readonly DecoderScale _scale;
    private readonly DecoderScale _full;
    private readonly IRegionPass? _pass;

    /// <param name="decoderScaling">False: all pixels of the level are decoded, and the average of all taken.</param>
    public TileReader(ISlideSource source, TilePlan plan, bool decoderScaling = true)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(plan);
        _source = source;
        Plan = plan;
        _resampler = new AreaResampler(plan.ReadWidthPx, plan.ReadHeightPx, plan.Spec.SizePx, plan.Spec.SizePx);
        _scale = new DecoderScale(plan, decoderScaling ? source.MaxHalvings(plan.ReadLevel.Index) : 0, source.HalvedPixels(plan.ReadLevel.Index));
        _full = _scale.Halvings == 0 ? _scale : new DecoderScale(plan, 0, source.HalvedPixels(plan.ReadLevel.Index));
        _pass = source.BeginPass(new RegionWalk(plan.ReadLevel.Index, _scale.Halvings, plan.Tiles.Count, _scale.Region));
    }

    public TilePlan Plan { get; }

    /// <summary>How often the decoder halves the level's pixels; 0 when it does not.</summary>
    public int Halvings => _scale.Halvings;

    /// <summary>Reads tile <paramref name="index"/> of the plan, resampled by area where the level is finer than wanted.</summary>
    /// <param name="rgb">Destination, [SizePx, SizePx, 3] row-major RGB over white; owned by the caller.</param>
    /// <exception cref="TileReadException">The tile cannot be decoded. Other tiles still can.</exception>
    public void Read(int index, Span<byte> rgb)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Plan.Tiles.Count);
        int size = Plan.Spec.SizePx;
        ArgumentOutOfRangeException.ThrowIfLessThan(rgb.Length, checked(size * size * 3));
        rgb = rgb[..(size * size * 3)];
        if (_scale.Halvings > 0 && TryReadHalved(index, rgb))
        {
            return;
        }

        if (_resampler.IsIdentity)
        {
            ReadRegion(index, rgb);
            return;
        }

        if (!_full.IsOnPixel(index) && TryReadBetweenPixels(index, rgb))
        {
            return;
        }

        byte[] region = ArrayPool<byte>.Shared.Rent(checked(Plan.ReadWidthPx * Plan.ReadHeightPx * 3));
        try
        {
            ReadRegion(index, region.AsSpan(0, Plan.ReadWidthPx * Plan.ReadHeightPx * 3));
            _resampler.Resample(region, rgb);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(region);
        }
    }

    public void Dispose() => _pass?.Dispose();

    private bool TryReadHalved(int index, Span<byte> rgb)
    {
        LevelRegion halved = _scale.Region(index);
        if (_scale.IsWhole)
        {
            return _pass!.TryRead(index, rgb);
        }

        byte[] region = ArrayPool<byte>.Shared.Rent(checked(halved.Width * halved.Height * 3));
        try
        {
            if (halved.Width == 0 || !_pass!.TryRead(index, region.AsSpan(0, halved.Width * halved.Height * 3)))
            {
                return false;
            }

            _scale.Window(_scale.Start(index)).Resample(region, rgb);
            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(region);
        }
    }

    /// <summary>From all pixels that a tile touches, where its corner lies between pixels of the level.</summary>
    private bool TryReadBetweenPixels(int index, Span<byte> rgb)
    {
        LevelRegion touched = _full.Region(index);
        if (touched.Width == 0)
        {
            return false;
        }

        int bytes = checked(touched.Width * touched.Height * 3);
        byte[] region = ArrayPool<byte>.Shared.Rent(bytes);
        try
        {
            bool isRead = _scale.Halvings == 0 && _pass is not null
                ? _pass.TryRead(index, region.AsSpan(0, bytes))
                : _source.TryReadPixels(Plan.ReadLevel.Index, touched, region.AsSpan(0, bytes));
            if (isRead)
            {
                _full.Window(_full.Start(index)).Resample(region, rgb);
            }

            return isRead;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(region);
        }
    }

    private void ReadRegion(int index, Span<byte> rgb)
    {
        if (_scale.Halvings == 0 && _pass is not null && _pass.TryRead(index, rgb))
        {
            return;
        }

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
