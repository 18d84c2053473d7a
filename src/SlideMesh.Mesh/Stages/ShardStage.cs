using System.Buffers;
using System.Numerics.Tensors;
using SlideMesh.Inference.Batching;
using SlideMesh.Mesh.Cohort;
using SlideMesh.Mesh.Messages;
using SlideMesh.Mesh.Runs;
using SlideMesh.Slides;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Tiling;
using SlideMesh.Tissue.Quality;

namespace SlideMesh.Mesh.Stages;

/// <summary>
/// One shard: tiles are read, judged by quality and handed to the device's batcher, which other shards and slides share. The
/// reading is synchronous; the last rows are awaited, so that a decoder goes on with the next shard meanwhile.
/// </summary>
public static class ShardStage
{
    /// <returns>The shard's rows once the device has made them.</returns>
    /// <exception cref="SlideFormatException">The slide cannot be opened any more.</exception>
    public static Task<ShardFile> Start(RunContext run, CohortEntry slide, TilePlan plan, EmbedShard shard, TileBatcher batcher, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(shard);
        ArgumentNullException.ThrowIfNull(batcher);
        int dimension = batcher.Graph.Dimension;
        float[] rows = new float[checked(shard.Count * dimension)];
        List<TileRecord> tiles = new(shard.Count);
        int row = 0;
        TileGroup group = new();
        DecoderClock clock = new(run.Time);
        int edge = plan.Spec.SizePx;
        byte[] pixels = ArrayPool<byte>.Shared.Rent(checked(edge * edge * 3));
        try
        {
            using SlideHandles.Lease lease = run.Handles.Open(slide, cancellation);
            TileReader reader = lease.Reader(plan);
            Span<byte> rgb = pixels.AsSpan(0, edge * edge * 3);
            for (int index = shard.Start; index < shard.Start + shard.Count; index++)
            {
                cancellation.ThrowIfCancellationRequested();
                TileRecord tile = Read(reader, index, rgb, run.Options.Quality, slide, clock);
                tiles.Add(tile);
                if (tile.Outcome == TileOutcome.Embedded)
                {
                    BatchSlot slot = batcher.Acquire(cancellation);
                    clock.Lap(DecoderActivity.WaitForSlot);
                    slot.Fill(rgb);
                    slot.Commit(rows.AsMemory(row++ * dimension, dimension), group);
                    clock.Lap(DecoderActivity.Normalise);
                }
            }
        }
        finally
        {
            group.Seal();
            clock.Report(run, shard);
            ArrayPool<byte>.Shared.Return(pixels);
        }

        return FinishAsync(group, tiles, rows, row, dimension);
    }

    private static async Task<ShardFile> FinishAsync(TileGroup group, List<TileRecord> tiles, float[] rows, int count, int dimension)
    {
        await group.Completion.ConfigureAwait(false);
        float[] filled = count * dimension == rows.Length ? rows : rows[..(count * dimension)];
        return group.NonFiniteTiles == 0
            ? new ShardFile { Tiles = tiles, Rows = filled, Dimension = dimension }
            : WithoutNonFinite(tiles, filled, dimension);
    }

    /// <summary>A row with NaN or infinity would spoil the whole slide's answer later: its tile is left out and listed instead.</summary>
    private static ShardFile WithoutNonFinite(List<TileRecord> tiles, float[] rows, int dimension)
    {
        List<float> kept = new(rows.Length);
        int row = 0;
        for (int i = 0; i < tiles.Count; i++)
        {
            if (tiles[i].Outcome != TileOutcome.Embedded)
            {
                continue;
            }

            ReadOnlySpan<float> values = rows.AsSpan(row++ * dimension, dimension);
            if (TensorPrimitives.IsFiniteAll(values))
            {
                kept.AddRange(values);
            }
            else
            {
                tiles[i] = tiles[i] with { Outcome = TileOutcome.NonFinite, Detail = "the model gave NaN or infinity for this tile" };
            }
        }

        return new ShardFile { Tiles = tiles, Rows = [.. kept], Dimension = dimension };
    }

    private static TileRecord Read(
        TileReader reader, int index, Span<byte> rgb, QualityThresholds thresholds, CohortEntry slide, DecoderClock clock)
    {
        try
        {
            reader.Read(index, rgb);
        }
        catch (TileReadException unreadable)
        {
            // The path as given, not as resolved on this machine: outputs must not depend on where a share is mounted.
            string detail = PlainText.OneLine(unreadable.Message.Replace(slide.FullPath, slide.Path, StringComparison.Ordinal));
            return new TileRecord(index, TileOutcome.Unreadable, default, detail);
        }
        finally
        {
            clock.Lap(DecoderActivity.Read);
        }

        int edge = reader.Plan.Spec.SizePx;
        TileQuality quality = TileQualityMeter.Measure(rgb, edge, edge);
        clock.Lap(DecoderActivity.Quality);
        TileOutcome outcome =
            quality.PenShare >= thresholds.PenShare ? TileOutcome.Pen
            : quality.BackgroundShare >= thresholds.BackgroundShare ? TileOutcome.Background
            : thresholds.ExcludeBlurred && quality.BlurVariance < thresholds.BlurVariance ? TileOutcome.Blurred
            : TileOutcome.Embedded;
        return new TileRecord(index, outcome, quality, "");
    }
}
