namespace SlideMesh.Cli.Tests;

/// <summary>Results are the same bytes whatever the machine is told about threads, batches and shards.</summary>
[Collection(OneAfterAnother.Name)]
public sealed class DeterminismTests(Workplace workplace)
{
    [Theory]
    [InlineData("--decoders 1 --threads 1 --batch-size 1")]
    [InlineData("--decoders 2 --threads 2 --batch-size 8")]
    [InlineData("--shard-tiles 7 --slides-in-flight 1")]
    [InlineData("--shard-tiles 256 --batch-size 3 --threads 3")]
    public void Options_of_speed_do_not_change_a_byte(string options)
    {
        string output = workplace.NewOutput();
        workplace.Run(["run", "good", "--out", output, "--quiet", .. options.Split(' ')]).Expect(0);
        workplace.Tree(output).AssertSameAs(workplace.Undisturbed);
    }

    [Fact]
    public void Slides_in_another_order_do_not_change_a_byte()
    {
        string output = workplace.NewOutput();
        workplace.Run("run", "good/c.tiff", "good/a.tiff", "good/b.tiff", "--out", output, "--quiet").Expect(0);
        workplace.Tree(output).AssertSameAs(workplace.Undisturbed);
    }
}
