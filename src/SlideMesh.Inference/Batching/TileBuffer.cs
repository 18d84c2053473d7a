using System.Buffers;
using SlideMesh.Inference.Engines;

namespace SlideMesh.Inference.Batching;

/// <summary>The memory of a batch, and how its tiles go through the graph. A tile's own part belongs to one thread at a time.</summary>
internal abstract class TileBuffer(TileGraph graph, int capacity) : IDisposable
{
    public int Capacity { get; } = capacity;

    protected TileGraph Graph { get; } = graph;

    /// <summary>Rows of results, [Capacity, Dimension].</summary>
    public abstract Memory<float> Rows { get; }

    /// <summary>In the form that suits the session: bytes for one that takes tiles, else normalised floats.</summary>
    public static TileBuffer Allocate(TileGraph graph, IInferenceSession session, int capacity) =>
        session is ITileSession tiles ? new ByteTileBuffer(graph, tiles, capacity) : new FloatTileBuffer(graph, session, capacity);

    /// <param name="rgb">[SizePx, SizePx, 3] bytes.</param>
    public abstract void Fill(int index, ReadOnlySpan<byte> rgb);

    /// <summary>Runs <paramref name="count"/> tiles from <paramref name="first"/> on; their rows are then in <see cref="Rows"/>.</summary>
    /// <returns>Null where the session does not tell.</returns>
    public abstract TileRunTimings? Run(int first, int count, CancellationToken cancellationToken);

    /// <summary>Lets the session choose how it runs batches of this size.</summary>
    /// <returns>What it chose; null when there was nothing to choose.</returns>
    public virtual string? Tune() => null;

    public abstract void Dispose();

    private sealed class FloatTileBuffer : TileBuffer
    {
        private readonly IInferenceSession _session;
        private readonly TileNormaliser _normaliser;
        private readonly float[] _input;
        private readonly float[] _output;

        public FloatTileBuffer(TileGraph graph, IInferenceSession session, int capacity)
            : base(graph, capacity)
        {
            _session = session;
            _normaliser = new TileNormaliser(graph.Normalisation);

            // Pinned: the engine reads and writes here for as long as the process runs.
            _input = GC.AllocateArray<float>(checked(capacity * graph.InputLength), pinned: true);
            _output = GC.AllocateArray<float>(checked(capacity * graph.Dimension), pinned: true);
        }

        public override Memory<float> Rows => _output;

        public override void Fill(int index, ReadOnlySpan<byte> rgb) =>
            _normaliser.Normalise(rgb, _input.AsSpan(index * Graph.InputLength, Graph.InputLength));

        public override TileRunTimings? Run(int first, int count, CancellationToken cancellationToken)
        {
            _session.RunInto(
                [new TensorView(Graph.Input, _input.AsMemory(first * Graph.InputLength, count * Graph.InputLength), [count, 3, Graph.SizePx, Graph.SizePx])],
                [new TensorBuffer(Graph.Output, _output.AsMemory(first * Graph.Dimension, count * Graph.Dimension), [count, Graph.Dimension])],
                cancellationToken);
            return null;
        }

        public override void Dispose()
        {
            // The garbage collector's.
        }
    }

    private sealed class ByteTileBuffer : TileBuffer
    {
        private readonly ITileSession _session;
        private readonly IMemoryOwner<byte> _pixels;
        private readonly IMemoryOwner<float> _rows;

        public ByteTileBuffer(TileGraph graph, ITileSession session, int capacity)
            : base(graph, capacity)
        {
            _session = session;
            _pixels = session.AllocatePixels(checked(capacity * graph.InputLength));
            _rows = session.AllocateRows(checked(capacity * graph.Dimension));
        }

        public override Memory<float> Rows => _rows.Memory;

        public override void Fill(int index, ReadOnlySpan<byte> rgb)
        {
            ArgumentOutOfRangeException.ThrowIfNotEqual(rgb.Length, Graph.InputLength);
            rgb.CopyTo(_pixels.Memory.Span.Slice(index * Graph.InputLength, Graph.InputLength));
        }

        public override TileRunTimings? Run(int first, int count, CancellationToken cancellationToken)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return _session.RunTiles(Describe(first, count));
        }

        public override string? Tune() => _session.Tune(Describe(0, Capacity));

        private TileRun Describe(int first, int count) => new(
            _pixels.Memory.Slice(first * Graph.InputLength, count * Graph.InputLength),
            _rows.Memory.Slice(first * Graph.Dimension, count * Graph.Dimension),
            count, Graph.SizePx, Graph.Output, Graph.Dimension, Graph.Normalisation);

        public override void Dispose()
        {
            _pixels.Dispose();
            _rows.Dispose();
        }
    }
}
