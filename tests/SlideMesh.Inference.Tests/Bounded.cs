using System.Runtime.ExceptionServices;

namespace SlideMesh.Inference.Tests;

/// <summary>Native code that runs cannot be ended: a test that waits for it waits so long and no longer.</summary>
internal static class Bounded
{
    /// <summary>Runs work on a thread of its own and fails when it has not ended in time. The thread is left to itself then, and ends with the process.</summary>
    public static void Run(TimeSpan longest, Action work)
    {
        ExceptionDispatchInfo? failed = null;
        Thread thread = new(() =>
        {
            try
            {
                work();
            }
            catch (Exception e)
            {
                failed = ExceptionDispatchInfo.Capture(e);
            }
        })
        {
            IsBackground = true,
        };
        thread.Start();
        Assert.True(thread.Join(longest), $"It has not ended after {longest}.");
        failed?.Throw();
    }
}
