namespace SlideMesh.Slides.TiledTiff;

/// <summary>
/// Buffers that nobody uses at the moment, by processor: whoever wants one gets what the same processor put back last, which its own
/// cache still holds. With stacks common to all, two processors were seen to decode 20 % slower: into memory that the other's cache held.
/// </summary>
internal sealed class SpareBuffers
{
    // Enough for what is taken out and put in at about one time; more would escape the bound of whoever lends the buffers.
    private const int MaxSpare = 4;

    private readonly Stack<byte[]>[] _byProcessor = [.. Enumerable.Range(0, Math.Clamp(Environment.ProcessorCount, 1, 16)).Select(_ => new Stack<byte[]>(MaxSpare))];

    /// <param name="bytes">Exact length of the buffer.</param>
    /// <returns>A buffer that holds anything.</returns>
    public byte[] Take(int bytes)
    {
        int own = Own();
        for (int i = 0; i < _byProcessor.Length; i++)
        {
            Stack<byte[]> stack = _byProcessor[(own + i) % _byProcessor.Length];
            lock (stack)
            {
                if (stack.TryPop(out byte[]? spare) && spare.Length == bytes)
                {
                    return spare;
                }
            }
        }

        return GC.AllocateUninitializedArray<byte>(bytes);
    }

    public void Give(byte[] buffer)
    {
        Stack<byte[]> stack = _byProcessor[Own()];
        lock (stack)
        {
            if (stack.Count < MaxSpare)
            {
                stack.Push(buffer);
            }
        }
    }

    private int Own() => Thread.GetCurrentProcessorId() % _byProcessor.Length;
}
