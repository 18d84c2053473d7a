namespace SlideMesh.Cli.Tests;

/// <summary>Folders that cannot be written, are held by another run, or are full.</summary>
[Collection(OneAfterAnother.Name)]
public sealed class OutputFolderTests(Workplace workplace)
{
    [Fact]
    public void Folder_below_a_file_is_refused_in_one_line()
    {
        File.WriteAllText(workplace["a-file"], "");
        workplace.Run("run", "good", "--out", "a-file/out").ExpectOneLine(4, "'a-file/out'");
        workplace.Run("run", "good", "--out", "a-file").ExpectOneLine(4, "is a file; give a folder");
    }

    [Fact]
    public void Second_run_on_a_folder_is_refused_while_the_first_goes_on_unharmed()
    {
        string output = workplace.NewOutput();
        using SlideMeshProcess first = workplace.Start("run", "good", "--out", output, "--json");
        first.WaitForEvent("slide-started");
        workplace.Run("run", "good", "--out", output).ExpectOneLine(4, "another run is writing");
        first.WaitForEnd().Expect(0);
        workplace.Tree(output).AssertSameAs(workplace.Undisturbed);
    }

    /// <param name="blocks">
    /// KiB that a file may have. 1: not even the first file fits; 6: the tables of the run do not; 14: neither do features, where
    /// HDF5 once took the process down at its exit; 60, 200: other files of a slide do not.
    /// </param>
    [Theory]
    [InlineData(1)]
    [InlineData(6)]
    [InlineData(14)]
    [InlineData(60)]
    [InlineData(200)]
    public void Full_output_is_told_as_such_and_the_same_command_completes_once_there_is_room(int blocks)
    {
        string output = workplace.NewOutput();
        CliResult full = SlideMeshProcess.RunLimited(workplace.Root, blocks, "run", "good", "--out", output, "--json").Expect(4);
        Assert.DoesNotContain("defect", full.Error, StringComparison.Ordinal);
        if (blocks >= 14)
        {
            IReadOnlyList<Dictionary<string, string>> slides = workplace.Tree(output).Table("slides.csv");
            Assert.Contains(slides, row => row["reason"] == "output-full");
            Assert.All(slides, row => Assert.True(row["state"] == "done" || row["reason"] == "output-full", row["reason"] + ": " + row["detail"]));
        }
        else
        {
            Assert.Contains("is full", Assert.Single(full.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        }

        workplace.Run("run", "good", "--out", output, "--quiet").Expect(0);
        workplace.Tree(output).AssertSameAs(workplace.Undisturbed);
    }
}
