using SlideMesh.Mesh.Messages;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Engine;

/// <summary>The kinds of actor that are addressed by slide.</summary>
public enum ActorKind
{
    Coordinator,
    Aggregator,
}

/// <summary>
/// What the actors need from the world. Every engine holds to this:
/// <list type="bullet">
/// <item>messages to one actor (kind + slide) are handled one at a time, in order; different actors run side by side;</item>
/// <item>work is delivered at least once; a handler must make the same result when it runs twice;</item>
/// <item>a handler's exception is classed once (<see cref="FailureClassifier"/>): transient ones are redelivered with back-off, the rest reach
/// the dead-letter handler exactly once per message;</item>
/// <item>when every shard of a slide's set is complete, one message is told, once.</item>
/// </list>
/// Handlers are registered before <see cref="StartAsync"/>.
/// </summary>
public interface IMeshEngine : IAsyncDisposable
{
    /// <summary>Handles messages to actors of <paramref name="kind"/>, at most <paramref name="concurrency"/> actors at a time.</summary>
    void OnTell(ActorKind kind, int concurrency, Func<MeshMessage, CancellationToken, Task> receive);

    /// <summary>Performs work items of the inference pool, at most <paramref name="concurrency"/> at a time.</summary>
    void OnWork(int concurrency, Func<EmbedShard, CancellationToken, Task> perform);

    /// <summary>Called for a message that failed for good, with its exception. What it throws itself is dropped: other actors go on.</summary>
    void OnDead(Func<MeshMessage, Exception, CancellationToken, Task> bury);

    Task StartAsync(CancellationToken cancellation);

    ValueTask TellAsync(ActorKind kind, MeshMessage message, CancellationToken cancellation);

    /// <summary>
    /// Hands work to the pool; waits while the pool's queue is full. Shards of a set are handed out in the order of their
    /// <see cref="EmbedShard.Place"/>: one that has been handed out already is not handed out again.
    /// </summary>
    /// <exception cref="InvalidOperationException">The engine has ended.</exception>
    ValueTask SubmitAsync(EmbedShard work, CancellationToken cancellation);

    /// <summary>
    /// Declares the set of <paramref name="shards"/> shards of a slide; when all are complete (at once for 0), <paramref name="then"/> is told.
    /// Declared again, as a coordinator does whose message is delivered again, the set goes on as it is: nothing that completed is forgotten.
    /// </summary>
    /// <param name="key">Names the plan that the shards were cut from. Under another key or number, the former set is forgotten and a new one begins.</param>
    /// <returns>How many of its shards have been handed out: 0 for a new set.</returns>
    ValueTask<int> ExpectAsync(SlideId slide, string key, int shards, ActorKind kind, MeshMessage then, CancellationToken cancellation);

    /// <summary>Marks one shard of the set complete. Marking it again changes nothing.</summary>
    ValueTask CompleteAsync(SlideId slide, string stream, int index, CancellationToken cancellation);

    /// <summary>Asked by a handler before it publishes what it made: the message must still be its own.</summary>
    /// <exception cref="ClaimLostException">The message passed to another worker, which was to be expected of a worker that was silent for too long.</exception>
    ValueTask ConfirmAsync(CancellationToken cancellation);

    /// <summary>Forgets a slide's set: completions that still arrive are ignored.</summary>
    ValueTask ForgetAsync(SlideId slide, CancellationToken cancellation);

    /// <summary>Work items waiting in the pool's queue.</summary>
    int QueuedWork { get; }
}

/// <summary>The message that is being handled is not this worker's any more: another one has it. What was made of it is discarded.</summary>
public sealed class ClaimLostException() : Exception("the claim passed to another node");
