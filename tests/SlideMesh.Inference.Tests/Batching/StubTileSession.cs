using System.Buffers;
using SlideMesh.Inference.Engines;

namespace SlideMesh.Inference.Tests.Batching;

/// <summary>A device that is made up: its results are the first byte of each tile, and it has memory for so many rows a run.</summary>
internal sealed class StubTileSession(int roomForRows) : ITileSession
{
    public IReadOnlyList<TensorInfo> Inputs => [];

    public IReadOnlyList<TensorInfo> Outputs => [];

    public int? RunsAtOnce => 1;

    public int LargestBatch => 1024;

    public DeviceMemory? Memory => new(1L << 30, 2L << 30);

    public List<int> Runs { get; } = [];

    public int Trims { get; private set; }

    public IMemoryOwner<byte> AllocatePixels(int bytes) => new Owned<byte>(bytes);

    public IMemoryOwner<float> AllocateRows(int floats) => new Owned<float>(floats);

    public TileRunTimings RunTiles(in TileRun run)
    {
        lock (Runs)
        {
            Runs.Add(run.Count);
        }

        if (run.Count > roomForRows)
        {
            throw new InferenceException("CUDA out of memory. Tried to allocate 2.00 GiB") { IsOutOfMemory = true };
        }

        int length = run.Rgb.Length / run.Count;
        for (int i = 0; i < run.Count; i++)
        {
            run.Rows.Span[i] = run.Rgb.Span[i * length];
        }

        return new TileRunTimings(0.001, 0.002, 0.003);
    }

    public void Trim() => Trims++;

    public string? Tune(in TileRun run) => null;

    public IReadOnlyList<Tensor> Run(IReadOnlyList<TensorView> inputs, IReadOnlyList<string> outputNames) => throw new NotSupportedException();

    public void Dispose()
    {
    }

    private sealed class Owned<T>(int length) : IMemoryOwner<T>
    {
        public Memory<T> Memory { get; } = new T[length];

        public void Dispose()
        {
        }
    }
}
