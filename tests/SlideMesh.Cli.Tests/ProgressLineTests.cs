using SlideMesh.Cli.Display;
using SlideMesh.Mesh.Progress;

namespace SlideMesh.Cli.Tests;

public sealed class ProgressLineTests
{
    [Theory]
    [InlineData(0.3, 2, 0, 1, 40, true)]
    [InlineData(0.9, 2, 0, 1, 40, false)]
    // Tiles of slides that are not planned yet.
    [InlineData(0.3, 1, 0, 1, 100, true)]
    // Reports are being written.
    [InlineData(0.3, 2, 0, 1, 100, false)]
    // All is over.
    [InlineData(0.3, 3, 0, 0, 100, false)]
    [InlineData(0.3, 1, 2, 0, 100, false)]
    public void Device_waits_for_tiles_only_while_there_are_some_left(double busy, int done, int failed, int active, long tilesDone, bool expected)
    {
        ProgressSnapshot now = new(Slides: 3, done, failed, Resumed: 0, TilesPlanned: 100, tilesDone, TilesReused: 0, active, TimeSpan.FromSeconds(9));
        Assert.Equal(expected, ProgressLine.WaitsForTiles(busy, now));
    }
}
