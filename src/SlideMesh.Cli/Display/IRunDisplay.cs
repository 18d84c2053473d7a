using SlideMesh.Mesh.Runs;

namespace SlideMesh.Cli.Display;

/// <summary>Shows a run while it goes on: on a terminal, as plain lines, as JSON, or not at all.</summary>
internal interface IRunDisplay
{
    Task<IReadOnlyList<SlideOutcome>> FollowAsync(RunDriver driver, CancellationToken cancellation);
}

/// <summary>Shows nothing.</summary>
internal sealed class QuietDisplay : IRunDisplay
{
    public Task<IReadOnlyList<SlideOutcome>> FollowAsync(RunDriver driver, CancellationToken cancellation) => driver.RunAsync(cancellation);
}
