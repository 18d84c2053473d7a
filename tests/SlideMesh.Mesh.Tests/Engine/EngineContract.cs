using System.Collections.Concurrent;
using SlideMesh.Mesh.Engine;
using SlideMesh.Mesh.Messages;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Tests.Engine;

/// <param name="QueuedShards">Places in the pool's queue.</param>
public sealed record EngineLimits(int QueuedShards, int MaximumAttempts, TimeSpan FirstBackOff)
{
    public static EngineLimits Usual { get; } = new(64, 4, TimeSpan.FromMilliseconds(500));
}

/// <summary>What <see cref="IMeshEngine"/> promises. Derive once for every engine; the tests know nothing of how one works.</summary>
public abstract class EngineContract
{
    /// <summary>How long a signal may take before the test counts as failed. Nothing waits this long when it passes.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly CancellationToken None = CancellationToken.None;

    private readonly HandTime _time = new();

    protected abstract IMeshEngine Create(TimeProvider time, EngineLimits limits);

    [Fact]
    public async Task Actor_with_many_messages_handles_them_one_at_a_time_and_in_order()
    {
        await using IMeshEngine engine = Create();
        ConcurrentQueue<int> handled = new();
        Countdown all = new(60);
        int active = 0;
        int mostActive = 0;
        engine.OnTell(ActorKind.Coordinator, 4, async (message, _) =>
        {
            Highest(ref mostActive, Interlocked.Increment(ref active));
            await Task.Yield();
            handled.Enqueue(((EmbedShard)message).Index);
            Interlocked.Decrement(ref active);
            all.Signal();
        });
        await engine.StartAsync(None);
        for (int i = 0; i < 60; i++)
        {
            await engine.TellAsync(ActorKind.Coordinator, Shard("a", i), None);
        }

        await all.Reached;
        Assert.Equal(Enumerable.Range(0, 60), handled);
        Assert.Equal(1, mostActive);
    }

    [Fact]
    public async Task Different_actors_run_side_by_side()
    {
        await using IMeshEngine engine = Create();
        Countdown both = new(2);
        // Each handler ends only when the other has begun.
        engine.OnTell(ActorKind.Coordinator, 2, (_, _) =>
        {
            both.Signal();
            return both.Reached;
        });
        await engine.StartAsync(None);
        await engine.TellAsync(ActorKind.Coordinator, Shard("a"), None);
        await engine.TellAsync(ActorKind.Coordinator, Shard("b"), None);

        await both.Reached;
    }

    [Fact]
    public async Task Same_slide_under_two_kinds_is_two_actors()
    {
        await using IMeshEngine engine = Create();
        Countdown both = new(2);
        Func<MeshMessage, CancellationToken, Task> meet = (_, _) =>
        {
            both.Signal();
            return both.Reached;
        };
        engine.OnTell(ActorKind.Coordinator, 1, meet);
        engine.OnTell(ActorKind.Aggregator, 1, meet);
        await engine.StartAsync(None);
        await engine.TellAsync(ActorKind.Coordinator, Shard("a"), None);
        await engine.TellAsync(ActorKind.Aggregator, Shard("a"), None);

        await both.Reached;
    }

    [Fact]
    public async Task Actors_never_exceed_their_concurrency()
    {
        await using IMeshEngine engine = Create();
        Countdown all = new(40);
        int active = 0;
        int mostActive = 0;
        engine.OnTell(ActorKind.Aggregator, 3, async (_, _) =>
        {
            Highest(ref mostActive, Interlocked.Increment(ref active));
            await Task.Yield();
            Interlocked.Decrement(ref active);
            all.Signal();
        });
        await engine.StartAsync(None);
        for (int i = 0; i < 40; i++)
        {
            await engine.TellAsync(ActorKind.Aggregator, Shard($"s{i}"), None);
        }

        await all.Reached;
        Assert.InRange(mostActive, 1, 3);
    }

    [Fact]
    public async Task Work_submitted_is_all_performed()
    {
        await using IMeshEngine engine = Create();
        ConcurrentQueue<(string, int)> performed = new();
        Countdown all = new(300);
        engine.OnWork(3, (shard, _) =>
        {
            performed.Enqueue((shard.Slide.Value, shard.Index));
            all.Signal();
            return Task.CompletedTask;
        });
        await engine.StartAsync(None);
        for (int i = 0; i < 300; i++)
        {
            await engine.SubmitAsync(Shard($"s{i % 3}", i), None);
        }

        await all.Reached;
        Assert.Equal(300, performed.Distinct().Count());
        Assert.Equal(0, engine.QueuedWork);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Transient_failure_is_redelivered_after_waits_that_double(bool asWork)
    {
        await using IMeshEngine engine = Create();
        ConcurrentQueue<int> attempts = new();
        Countdown done = new(1);
        Listen(engine, asWork, message =>
        {
            attempts.Enqueue(message.Attempt);
            if (message.Attempt < 3)
            {
                throw new IOException("the share is away");
            }

            done.Signal();
        });
        await engine.StartAsync(None);
        await Send(engine, asWork, Shard("a"));

        List<double> waits = [];
        for (int i = 0; i < 3; i++)
        {
            waits.Add((await _time.FireNextAsync()).TotalMilliseconds);
        }

        await done.Reached;
        Assert.Equal([500, 1000, 2000], waits);
        Assert.Equal([0, 1, 2, 3], attempts);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Permanent_failure_reaches_the_dead_letters_once_with_its_exception(bool asWork)
    {
        await using IMeshEngine engine = Create();
        Dead dead = new(engine);
        SlideFormatException failure = new("x.svs", SlideFailureReason.NotASlide, "no slide");
        int deliveries = 0;
        Countdown next = new(1);
        Listen(engine, asWork, message =>
        {
            if (message.Slide.Value == "next")
            {
                next.Signal();
                return;
            }

            Interlocked.Increment(ref deliveries);
            throw failure;
        });
        await engine.StartAsync(None);
        await Send(engine, asWork, Shard("a", 7));
        (MeshMessage Message, Exception Failure) buried = await dead.NextAsync();
        await Send(engine, asWork, Shard("next"));
        await next.Reached;

        Assert.Equal(Shard("a", 7), buried.Message);
        Assert.Same(failure, buried.Failure);
        Assert.Equal(1, deliveries);
        Assert.Equal(1, dead.Count);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Transient_failure_that_lasts_is_dead_after_the_last_attempt_and_only_then(bool asWork)
    {
        await using IMeshEngine engine = Create();
        Dead dead = new(engine);
        int deliveries = 0;
        Listen(engine, asWork, _ =>
        {
            Interlocked.Increment(ref deliveries);
            throw new TimeoutException("still away");
        });
        await engine.StartAsync(None);
        await Send(engine, asWork, Shard("a"));
        for (int i = 0; i < EngineLimits.Usual.MaximumAttempts - 1; i++)
        {
            Assert.Equal(0, dead.Count);
            await _time.FireNextAsync();
        }

        (MeshMessage message, Exception failure) = await dead.NextAsync();
        Assert.IsType<TimeoutException>(failure);
        Assert.Equal(EngineLimits.Usual.MaximumAttempts - 1, message.Attempt);
        Assert.Equal(EngineLimits.Usual.MaximumAttempts, deliveries);
        Assert.Equal(1, dead.Count);
    }

    [Fact]
    public async Task Message_that_waits_for_its_next_delivery_holds_up_nobody()
    {
        await using IMeshEngine engine = Create();
        ConcurrentQueue<int> handled = new();
        Countdown others = new(2);
        Countdown again = new(1);
        engine.OnTell(ActorKind.Coordinator, 1, (message, _) =>
        {
            int index = ((EmbedShard)message).Index;
            if (index == 0 && message.Attempt == 0)
            {
                throw new IOException("not yet");
            }

            handled.Enqueue(index);
            (index == 0 ? again : others).Signal();
            return Task.CompletedTask;
        });
        await engine.StartAsync(None);
        await engine.TellAsync(ActorKind.Coordinator, Shard("a", 0), None);
        await engine.TellAsync(ActorKind.Coordinator, Shard("a", 1), None);
        await engine.TellAsync(ActorKind.Coordinator, Shard("b", 2), None);

        await others.Reached;
        await _time.FireNextAsync();
        await again.Reached;
        Assert.Equal(0, handled.Last());
    }

    [Fact]
    public async Task Dead_letter_handler_that_throws_does_not_stop_the_others()
    {
        await using IMeshEngine engine = Create();
        Countdown rest = new(2);
        engine.OnDead((_, _, _) => throw new InvalidOperationException("the gravedigger is ill"));
        engine.OnTell(ActorKind.Coordinator, 1, (message, _) =>
        {
            if (((EmbedShard)message).Index == 0)
            {
                throw new InvalidDataException("for good");
            }

            rest.Signal();
            return Task.CompletedTask;
        });
        await engine.StartAsync(None);
        await engine.TellAsync(ActorKind.Coordinator, Shard("a", 0), None);
        await engine.TellAsync(ActorKind.Coordinator, Shard("a", 1), None);
        await engine.TellAsync(ActorKind.Coordinator, Shard("b", 1), None);

        await rest.Reached;
    }

    [Fact]
    public async Task Set_of_no_shards_is_complete_at_once()
    {
        await using IMeshEngine engine = Create();
        Told told = await Told.StartAsync(engine);
        await engine.ExpectAsync(new SlideId("a"), "plan", 0, ActorKind.Aggregator, new AggregateSlide(new SlideId("a")), None);

        Assert.Equal(1, await told.CountAsync("a"));
    }

    [Fact]
    public async Task Set_tells_once_when_its_last_shard_completes()
    {
        await using IMeshEngine engine = Create();
        Told told = await Told.StartAsync(engine);
        SlideId slide = new("a");
        await engine.ExpectAsync(slide, "plan", 3, ActorKind.Aggregator, new AggregateSlide(slide), None);
        await engine.CompleteAsync(slide, "fine", 0, None);
        await engine.CompleteAsync(slide, "fine", 1, None);
        Assert.Equal(0, await told.CountAsync("a"));

        await engine.CompleteAsync(slide, "coarse", 1, None);
        Assert.Equal(1, await told.CountAsync("a"));
    }

    [Fact]
    public async Task Shard_that_completes_twice_counts_once()
    {
        await using IMeshEngine engine = Create();
        Told told = await Told.StartAsync(engine);
        SlideId slide = new("a");
        await engine.ExpectAsync(slide, "plan", 2, ActorKind.Aggregator, new AggregateSlide(slide), None);
        for (int i = 0; i < 5; i++)
        {
            await engine.CompleteAsync(slide, "fine", 0, None);
        }

        Assert.Equal(0, await told.CountAsync("a"));
        await engine.CompleteAsync(slide, "fine", 1, None);
        await engine.CompleteAsync(slide, "fine", 1, None);
        await engine.CompleteAsync(slide, "fine", 0, None);
        Assert.Equal(1, await told.CountAsync("a"));
    }

    [Fact]
    public async Task Shards_that_complete_at_the_same_time_tell_once()
    {
        await using IMeshEngine engine = Create();
        Told told = await Told.StartAsync(engine);
        SlideId slide = new("a");
        await engine.ExpectAsync(slide, "plan", 200, ActorKind.Aggregator, new AggregateSlide(slide), None);
        await Parallel.ForAsync(0, 400, async (i, cancellation) => await engine.CompleteAsync(slide, "fine", i / 2, cancellation));

        Assert.Equal(1, await told.CountAsync("a"));
    }

    [Fact]
    public async Task Forgotten_set_ignores_completions_and_can_be_declared_anew()
    {
        await using IMeshEngine engine = Create();
        Told told = await Told.StartAsync(engine);
        SlideId slide = new("a");
        await engine.ExpectAsync(slide, "plan", 1, ActorKind.Aggregator, new AggregateSlide(slide), None);
        await engine.ForgetAsync(slide, None);
        await engine.CompleteAsync(slide, "fine", 0, None);
        Assert.Equal(0, await told.CountAsync("a"));

        await engine.ExpectAsync(slide, "plan", 1, ActorKind.Aggregator, new AggregateSlide(slide), None);
        await engine.CompleteAsync(slide, "fine", 0, None);
        Assert.Equal(1, await told.CountAsync("a"));
    }

    [Fact]
    public async Task Completion_of_an_unknown_slide_is_ignored()
    {
        await using IMeshEngine engine = Create();
        Told told = await Told.StartAsync(engine);
        await engine.CompleteAsync(new SlideId("stranger"), "fine", 0, None);

        Assert.Equal(0, await told.CountAsync("stranger"));
    }

    [Fact]
    public async Task Set_declared_again_goes_on_as_it_is_and_one_of_another_plan_begins_anew()
    {
        await using IMeshEngine engine = Create();
        Told told = await Told.StartAsync(engine);
        SlideId slide = new("a");
        AggregateSlide then = new(slide);
        Assert.Equal(0, await engine.ExpectAsync(slide, "plan", 2, ActorKind.Aggregator, then, None));
        await engine.CompleteAsync(slide, "fine", 0, None);
        Assert.Equal(0, await engine.ExpectAsync(slide, "plan", 2, ActorKind.Aggregator, then, None));
        await engine.CompleteAsync(slide, "fine", 1, None);
        Assert.Equal(1, await told.CountAsync("a"));
        // Complete and told: declared once more, it does not tell again.
        await engine.ExpectAsync(slide, "plan", 2, ActorKind.Aggregator, then, None);
        Assert.Equal(1, await told.CountAsync("a"));

        Assert.Equal(0, await engine.ExpectAsync(slide, "another", 2, ActorKind.Aggregator, then, None));
        await engine.CompleteAsync(slide, "fine", 1, None);
        Assert.Equal(1, await told.CountAsync("a"));
        await engine.CompleteAsync(slide, "fine", 0, None);
        Assert.Equal(2, await told.CountAsync("a"));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    public async Task Coordinator_delivered_again_hands_out_what_is_missing_and_nothing_twice(int firstTime)
    {
        await using IMeshEngine engine = Create();
        SlideId slide = new("a");
        ConcurrentQueue<int> performed = new();
        Countdown early = new(firstTime);
        Countdown merged = new(1);
        Countdown twice = new(2);
        int told = 0;
        TaskCompletionSource aggregate = new(TaskCreationOptions.RunContinuationsAsynchronously);
        engine.OnWork(1, async (shard, token) =>
        {
            performed.Enqueue(shard.Index);
            await engine.CompleteAsync(slide, "fine", shard.Index, token);
            early.Signal();
        });
        engine.OnTell(ActorKind.Aggregator, 1, async (_, _) =>
        {
            Interlocked.Increment(ref told);
            merged.Signal();
            // In the middle of its work while the coordinator's message comes once more.
            await aggregate.Task.WaitAsync(Patience, None);
        });
        List<int> handedOut = [];
        engine.OnTell(ActorKind.Coordinator, 1, async (message, token) =>
        {
            handedOut.Add(await engine.ExpectAsync(slide, "plan", 5, ActorKind.Aggregator, new AggregateSlide(slide), token));
            // Delivered again, it even begins at the first: the engine knows what is out.
            for (int i = 0; i < (message.Attempt == 0 ? firstTime : 5); i++)
            {
                await engine.SubmitAsync(Shard("a", i) with { Place = i + 1 }, token);
            }

            if (message.Attempt == 0)
            {
                await early.Reached;
                if (firstTime == 5)
                {
                    await merged.Reached;
                }

                twice.Signal();
                throw new IOException("after its last shard");
            }

            twice.Signal();
        });
        await engine.StartAsync(None);
        Task fire = _time.FireNextAsync();
        await engine.TellAsync(ActorKind.Coordinator, new PlanSlide(slide), None);
        await fire;
        await twice.Reached;
        await merged.Reached;
        aggregate.SetResult();

        Assert.Equal([0, firstTime], handedOut);
        Assert.Equal([0, 1, 2, 3, 4], performed);
        Assert.Equal(1, told);
        Assert.Equal(0, engine.QueuedWork);
    }

    [Fact]
    public async Task Submit_waits_while_the_queue_is_full()
    {
        await using IMeshEngine engine = Create(EngineLimits.Usual with { QueuedShards = 2 });
        Countdown begun = new(1);
        TaskCompletionSource gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
        engine.OnWork(1, (_, _) =>
        {
            begun.Signal();
            return gate.Task;
        });
        await engine.StartAsync(None);
        await engine.SubmitAsync(Shard("a", 0), None);
        await begun.Reached;
        await engine.SubmitAsync(Shard("a", 1), None);
        await engine.SubmitAsync(Shard("a", 2), None);
        Task fourth = engine.SubmitAsync(Shard("a", 3), None).AsTask();

        Assert.False(fourth.IsCompleted);
        Assert.Equal(2, engine.QueuedWork);
        gate.SetResult();
        await fourth.WaitAsync(Patience);
    }

    [Fact]
    public async Task Work_that_fails_with_a_full_queue_comes_back_all_the_same()
    {
        await using IMeshEngine engine = Create(EngineLimits.Usual with { QueuedShards = 1 });
        Countdown all = new(10);
        engine.OnWork(1, (shard, _) =>
        {
            if (shard is { Index: 0, Attempt: 0 })
            {
                throw new IOException("not yet");
            }

            all.Signal();
            return Task.CompletedTask;
        });
        await engine.StartAsync(None);
        Task fire = _time.FireNextAsync();
        for (int i = 0; i < 10; i++)
        {
            await engine.SubmitAsync(Shard("a", i), None);
        }

        await fire;
        await all.Reached;
    }

    [Fact]
    public async Task Disposal_cancels_handlers_waits_for_them_and_buries_nothing()
    {
        IMeshEngine engine = Create();
        Dead dead = new(engine);
        Countdown begun = new(2);
        int ended = 0;
        async Task Run(CancellationToken cancellation)
        {
            begun.Signal();
            try
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
            }
            finally
            {
                await Task.Yield();
                Interlocked.Increment(ref ended);
            }
        }

        engine.OnTell(ActorKind.Coordinator, 1, (_, cancellation) => Run(cancellation));
        engine.OnWork(1, (_, cancellation) => Run(cancellation));
        await engine.StartAsync(None);
        await engine.TellAsync(ActorKind.Coordinator, Shard("a"), None);
        await engine.SubmitAsync(Shard("a"), None);
        await begun.Reached;

        await engine.DisposeAsync().AsTask().WaitAsync(Patience);
        Assert.Equal(2, ended);
        Assert.Equal(0, dead.Count);
    }

    [Fact]
    public async Task Disposal_ends_back_offs_and_may_be_repeated()
    {
        IMeshEngine engine = Create();
        Dead dead = new(engine);
        int deliveries = 0;
        engine.OnTell(ActorKind.Coordinator, 1, (_, _) =>
        {
            Interlocked.Increment(ref deliveries);
            throw new IOException("not yet");
        });
        await engine.StartAsync(None);
        await engine.TellAsync(ActorKind.Coordinator, Shard("a"), None);
        await _time.NextAsync();

        await engine.DisposeAsync().AsTask().WaitAsync(Patience);
        await engine.DisposeAsync().AsTask().WaitAsync(Patience);
        Assert.Equal(1, deliveries);
        Assert.Equal(0, dead.Count);
    }

    [Fact]
    public async Task Submitter_that_waits_for_a_place_is_released_when_the_engine_ends()
    {
        IMeshEngine engine = Create(EngineLimits.Usual with { QueuedShards = 1 });
        Countdown begun = new(1);
        engine.OnWork(1, (_, cancellation) =>
        {
            begun.Signal();
            return Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
        });
        await engine.StartAsync(None);
        await engine.SubmitAsync(Shard("a", 0), None);
        await begun.Reached;
        await engine.SubmitAsync(Shard("a", 1), None);
        Task third = engine.SubmitAsync(Shard("a", 2), None).AsTask();

        await engine.DisposeAsync().AsTask().WaitAsync(Patience);
        await Assert.ThrowsAnyAsync<InvalidOperationException>(() => third.WaitAsync(Patience));
    }

    [Fact]
    public async Task Cancelled_callers_are_told_so()
    {
        await using IMeshEngine engine = Create(EngineLimits.Usual with { QueuedShards = 1 });
        engine.OnTell(ActorKind.Coordinator, 1, (_, _) => Task.CompletedTask);
        CancellationToken cancelled = new(canceled: true);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await engine.TellAsync(ActorKind.Coordinator, Shard("a"), cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await engine.SubmitAsync(Shard("a"), cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => engine.StartAsync(cancelled));
    }

    private static EmbedShard Shard(string slide, int index = 0) => new(new SlideId(slide), "fine", index, index * 10, 10, "key");

    private static void Listen(IMeshEngine engine, bool asWork, Action<MeshMessage> handle)
    {
        Task Handle(MeshMessage message)
        {
            handle(message);
            return Task.CompletedTask;
        }

        if (asWork)
        {
            engine.OnWork(2, (shard, _) => Handle(shard));
        }
        else
        {
            engine.OnTell(ActorKind.Coordinator, 2, (message, _) => Handle(message));
        }
    }

    private static ValueTask Send(IMeshEngine engine, bool asWork, EmbedShard message) =>
        asWork ? engine.SubmitAsync(message, None) : engine.TellAsync(ActorKind.Coordinator, message, None);

    private static void Highest(ref int highest, int value)
    {
        int seen;
        while (value > (seen = Volatile.Read(ref highest)) && Interlocked.CompareExchange(ref highest, value, seen) != seen)
        {
        }
    }

    private IMeshEngine Create(EngineLimits? limits = null) => Create(_time, limits ?? EngineLimits.Usual);

    /// <summary>A signal that is given after so many calls.</summary>
    private sealed class Countdown(int count)
    {
        private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _left = count;

        public Task Reached => _reached.Task.WaitAsync(Patience);

        public void Signal()
        {
            if (Interlocked.Decrement(ref _left) == 0)
            {
                _reached.SetResult();
            }
        }
    }

    /// <summary>Collects what reaches the dead letters.</summary>
    private sealed class Dead
    {
        private readonly System.Threading.Channels.Channel<(MeshMessage, Exception)> _buried =
            System.Threading.Channels.Channel.CreateUnbounded<(MeshMessage, Exception)>();

        private int _count;

        public Dead(IMeshEngine engine) => engine.OnDead((message, failure, _) =>
        {
            Interlocked.Increment(ref _count);
            _buried.Writer.TryWrite((message, failure));
            return Task.CompletedTask;
        });

        public int Count => Volatile.Read(ref _count);

        public Task<(MeshMessage Message, Exception Failure)> NextAsync() => _buried.Reader.ReadAsync().AsTask().WaitAsync(Patience);
    }

    /// <summary>Counts what aggregators are told.</summary>
    private sealed class Told
    {
        private readonly ConcurrentDictionary<string, int> _counts = new();
        private readonly ConcurrentDictionary<int, TaskCompletionSource> _fences = new();
        private readonly IMeshEngine _engine;
        private int _fence;

        private Told(IMeshEngine engine) => _engine = engine;

        public static async Task<Told> StartAsync(IMeshEngine engine)
        {
            Told told = new(engine);
            engine.OnTell(ActorKind.Aggregator, 1, (message, _) =>
            {
                if (message is EmbedShard fence)
                {
                    told._fences[fence.Index].SetResult();
                }
                else
                {
                    told._counts.AddOrUpdate(message.Slide.Value, 1, (_, count) => count + 1);
                }

                return Task.CompletedTask;
            });
            await engine.StartAsync(None);
            return told;
        }

        /// <summary>How often the slide's aggregator was told. Messages of one actor keep their order, so one sent now comes after all of them.</summary>
        public async Task<int> CountAsync(string slide)
        {
            int fence = ++_fence;
            TaskCompletionSource passed = _fences[fence] = new(TaskCreationOptions.RunContinuationsAsynchronously);
            await _engine.TellAsync(ActorKind.Aggregator, Shard(slide, fence), None);
            await passed.Task.WaitAsync(Patience);
            return _counts.GetValueOrDefault(slide);
        }
    }
}
