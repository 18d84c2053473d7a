using System.Globalization;

namespace SlideMesh.Cli.Tests;

/// <summary>Heads of their published sizes on 100,000 tiles, each in a process of its own, whose peak the kernel counts.</summary>
[Collection(OneAfterAnother.Name)]
public sealed class HeadMemoryTests(Workplace workplace)
{
    private const int Tiles = 100_000;

    [Theory]
    [InlineData("clam-sb-small")]
    [InlineData("clam-mb")]
    [InlineData("ab-mil-gated")]
    public void A_hundred_thousand_tiles_are_predicted_within_2_GB(string name)
    {
        string checkpoint = workplace[$"{name}.safetensors"];
        string architecture = HeadCheckpoint.Write(name, checkpoint);
        workplace.Run("model", "import", checkpoint, "--arch", architecture, "--out", $"memory/{name}").Expect(0);

        string row = workplace.Run("model", "bench", $"memory/{name}", "--batch", $"{Tiles}", "--threads", "2", "--once").Expect(0).Out.TrimEnd().Split('\n')[^1];

        string[] cells = row.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal($"{Tiles}", cells[0]);

        // The features alone, which lie in memory, are 391 MiB: a smaller figure would measure nothing.
        Assert.InRange(long.Parse(cells[^1], CultureInfo.InvariantCulture), 391, 1907);
    }
}
