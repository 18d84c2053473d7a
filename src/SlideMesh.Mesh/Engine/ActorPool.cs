using System.Threading.Channels;
using SlideMesh.Mesh.Messages;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Engine;

/// <summary>
/// The actors of one kind. A mailbox with messages stands in <see cref="Ready"/> exactly once, so that one actor never runs
/// twice at a time. Both queues hold ids only and grow with the cohort, not with the slides.
/// </summary>
internal sealed class ActorPool(int concurrency, Func<MeshMessage, CancellationToken, Task> receive)
{
    private readonly Dictionary<SlideId, Mailbox> _mailboxes = [];

    public int Concurrency => concurrency;

    public Func<MeshMessage, CancellationToken, Task> Receive => receive;

    public Channel<Mailbox> Ready { get; } = Channel.CreateUnbounded<Mailbox>();

    public void Post(MeshMessage message)
    {
        lock (_mailboxes)
        {
            if (!_mailboxes.TryGetValue(message.Slide, out Mailbox? mailbox))
            {
                _mailboxes[message.Slide] = mailbox = new Mailbox(message.Slide);
            }

            if (mailbox.Add(message))
            {
                Ready.Writer.TryWrite(mailbox);
            }
        }
    }

    /// <summary>Ends the handling of the mailbox's first message; the mailbox becomes ready again or is forgotten.</summary>
    public void Release(Mailbox mailbox)
    {
        lock (_mailboxes)
        {
            if (mailbox.RemoveFirst())
            {
                Ready.Writer.TryWrite(mailbox);
            }
            else
            {
                _mailboxes.Remove(mailbox.Slide);
            }
        }
    }
}

/// <summary>Messages of one actor in order. Guarded by its pool's lock, except <see cref="Peek"/> by the one that holds the turn.</summary>
internal sealed class Mailbox(SlideId slide)
{
    private readonly Queue<MeshMessage> _messages = new();

    public SlideId Slide => slide;

    /// <returns>True when the mailbox was empty, so that it must be made ready.</returns>
    public bool Add(MeshMessage message)
    {
        lock (_messages)
        {
            _messages.Enqueue(message);
            return _messages.Count == 1;
        }
    }

    public MeshMessage Peek()
    {
        lock (_messages)
        {
            return _messages.Peek();
        }
    }

    /// <returns>True when more messages wait.</returns>
    public bool RemoveFirst()
    {
        lock (_messages)
        {
            _messages.Dequeue();
            return _messages.Count > 0;
        }
    }
}
