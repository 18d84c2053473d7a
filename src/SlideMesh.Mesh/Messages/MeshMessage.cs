using SlideMesh.Slides;

namespace SlideMesh.Mesh.Messages;

/// <summary>What actors send each other: ids, ranges and hashes, never pixels or tensors.</summary>
public abstract record MeshMessage(SlideId Slide)
{
    /// <summary>0 at the first delivery; grows with each redelivery after a transient failure.</summary>
    public int Attempt { get; init; }
}

/// <summary>To a coordinator: open the slide, find tissue, plan tiles, cut them into shards.</summary>
public sealed record PlanSlide(SlideId Slide) : MeshMessage(Slide);

/// <summary>To the inference pool: run tiles Start … Start + Count − 1 of one stream of a slide.</summary>
/// <param name="Key">Hash of everything that the shard's rows depend on; a stored shard counts only with this key.</param>
public sealed record EmbedShard(SlideId Slide, string Stream, int Index, int Start, int Count, string Key) : MeshMessage(Slide);

/// <summary>To an aggregator: all shards are there; merge, predict, report.</summary>
public sealed record AggregateSlide(SlideId Slide) : MeshMessage(Slide);
