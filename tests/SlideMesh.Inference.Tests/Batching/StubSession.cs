using SlideMesh.Inference.Engines;

namespace SlideMesh.Inference.Tests.Batching;

/// <summary>A graph whose results are the first value of each tile, rounded. Runs can be held back, and made to fail.</summary>
internal sealed class StubSession(bool held = false) : IInferenceSession
{
    // A held run that nobody lets go ends its test with an error, whatever that test has already failed at: the batcher's clean-up waits for it.
    private static readonly TimeSpan LongestHold = TimeSpan.FromMinutes(1);

    private readonly SemaphoreSlim _mayRun = new(0);
    private readonly SemaphoreSlim _started = new(0);

    public IReadOnlyList<TensorInfo> Inputs => [];

    public IReadOnlyList<TensorInfo> Outputs => [];

    /// <summary>Rows of each run so far.</summary>
    public List<int> Runs { get; } = [];

    /// <summary>Given the first value of each row; what it returns is thrown.</summary>
    public Func<float[], Exception?> Failure { get; set; } = _ => null;

    /// <summary>Turns the first value of a row into its result.</summary>
    public Func<float, float> Result { get; init; } = first => first;

    public Task RunStartedAsync() => _started.WaitAsync();

    public void LetRun(int runs) => _mayRun.Release(runs);

    public IReadOnlyList<Tensor> Run(IReadOnlyList<TensorView> inputs, IReadOnlyList<string> outputNames)
    {
        _started.Release();
        if (held && !_mayRun.Wait(LongestHold))
        {
            throw new TimeoutException("Nobody let this run go on.");
        }

        int rows = (int)inputs[0].Shape[0];
        int length = inputs[0].Data.Length / rows;
        float[] firsts = [.. Enumerable.Range(0, rows).Select(row => MathF.Round(inputs[0].Data.Span[row * length]))];
        lock (Runs)
        {
            Runs.Add(rows);
        }

        return Failure(firsts) is { } failure ? throw failure : [new Tensor(outputNames[0], [.. firsts.Select(Result)], [rows, 1])];
    }

    public void Dispose()
    {
        _mayRun.Dispose();
        _started.Dispose();
    }
}
