using System.Text.Json.Serialization;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Messages;

/// <summary>What actors send each other: ids, ranges and hashes, never pixels or tensors.</summary>
[JsonPolymorphic]
[JsonDerivedType(typeof(PlanSlide), "plan")]
[JsonDerivedType(typeof(EmbedShard), "shard")]
[JsonDerivedType(typeof(AggregateSlide), "aggregate")]
[JsonDerivedType(typeof(FailSlide), "fail")]
[JsonDerivedType(typeof(FinishRun), "finish")]
public abstract record MeshMessage(SlideId Slide)
{
    /// <summary>0 at the first delivery; grows with each redelivery after a transient failure.</summary>
    [JsonIgnore]
    public int Attempt { get; init; }

    /// <summary>
    /// The run that the message belongs to; empty where an engine serves one run only. A message that an actor sends without one belongs
    /// to the run of the message that it handles.
    /// </summary>
    [JsonIgnore]
    public string Run { get; init; } = "";
}

/// <summary>To a coordinator: open the slide, find tissue, plan tiles, cut them into shards.</summary>
public sealed record PlanSlide(SlideId Slide) : MeshMessage(Slide);

/// <summary>To the inference pool: run tiles Start … Start + Count − 1 of one stream of a slide.</summary>
/// <param name="Key">Hash of everything that the shard's rows depend on; a stored shard counts only with this key.</param>
public sealed record EmbedShard(SlideId Slide, string Stream, int Index, int Start, int Count, string Key) : MeshMessage(Slide)
{
    /// <summary>Its place, from 1, in the order in which the shards of its slide's set are handed out; 0 where it belongs to none.</summary>
    [JsonIgnore]
    public int Place { get; init; }
}

/// <summary>To an aggregator: all shards are there; merge, predict, report.</summary>
public sealed record AggregateSlide(SlideId Slide) : MeshMessage(Slide);

/// <summary>To an aggregator: the slide cannot be done; keep what was found and record why.</summary>
/// <param name="Reason">Kebab-case reason, <c>quarantined</c> among them.</param>
/// <param name="Detail">One line for the user.</param>
public sealed record FailSlide(SlideId Slide, string Reason, string Detail) : MeshMessage(Slide);

/// <summary>To an aggregator: every slide of the run has ended; write its tables. The slide is <see cref="WholeRun"/>.</summary>
public sealed record FinishRun(SlideId Slide) : MeshMessage(Slide)
{
    /// <summary>Stands for the run where a slide is asked for. No slide has this id: ids never begin with a dot.</summary>
    public static SlideId WholeRun { get; } = new(".run");
}
