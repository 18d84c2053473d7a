using System.Text;
using System.Text.RegularExpressions;

namespace SlideMesh.Cli.Tests;

/// <summary>What must not be in the results.</summary>
[Collection(OneAfterAnother.Name)]
public sealed partial class PrivacyTests(Workplace workplace)
{
    [Fact]
    public void Results_name_no_folder_of_this_machine_when_paths_were_relative()
    {
        AssertNowhere(workplace.Undisturbed, workplace.Root);
    }

    [Fact]
    public void Pictures_are_the_thumbnail_the_heatmaps_and_tiles_and_none_else()
    {
        string[] pictures = [.. workplace.Undisturbed.All().Where(f => Path.GetExtension(f) is ".jpg" or ".png" or ".tif" or ".tiff" or ".jpeg")];
        Assert.NotEmpty(pictures);
        Assert.All(pictures, picture => Assert.Matches(Allowed(), picture));
    }

    /// <summary>Looks at the bytes of every file, the log and the features too.</summary>
    internal static void AssertNowhere(OutputTree tree, string folder)
    {
        byte[] name = Encoding.UTF8.GetBytes(Path.GetFileName(folder));
        byte[] wide = Encoding.Unicode.GetBytes(Path.GetFileName(folder));
        string[] files = [.. tree.All()];
        Assert.Contains(files, f => f.EndsWith(".h5", StringComparison.Ordinal));
        Assert.All(files, file =>
        {
            ReadOnlySpan<byte> bytes = File.ReadAllBytes(tree.At(file));
            Assert.True(bytes.IndexOf(name) < 0 && bytes.IndexOf(wide) < 0, $"{file} names {folder}");
        });
    }

    [GeneratedRegex("^slides/[^/]+/(thumbnail\\.jpg|heatmaps/[a-z-]+\\.(png|tif)|tiles/[a-z-]+_(top|bottom)_[0-9]+_score_[-0-9.]+\\.jpg)$")]
    private static partial Regex Allowed();
}
