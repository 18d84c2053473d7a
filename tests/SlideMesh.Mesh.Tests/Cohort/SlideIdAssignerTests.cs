using SlideMesh.Mesh.Cohort;

namespace SlideMesh.Mesh.Tests.Cohort;

public sealed class SlideIdAssignerTests
{
    [Fact]
    public void Plain_name_is_the_id()
    {
        Assert.Equal(["CMU-1-Small-Region", "b.2", "two_words"], Ids("/d/CMU-1-Small-Region.svs", "/d/b.2.tiff", "/d/two words.svs"));
    }

    [Fact]
    public void Same_name_in_two_folders_gets_the_folder_in_front()
    {
        Assert.Equal(["siteA__s1", "siteB__s1", "s2"], Ids("/d/siteA/s1.svs", "/d/siteB/s1.svs", "/d/siteA/s2.svs"));
    }

    [Fact]
    public void Same_stem_with_two_extensions_keeps_the_extension()
    {
        Assert.Equal(["d__s1.svs", "d__s1.tiff"], Ids("/d/s1.svs", "/d/s1.tiff"));
    }

    [Fact]
    public void Same_folder_name_and_file_name_are_told_apart_by_a_hash()
    {
        string[] ids = Ids("/x/site/s1.svs", "/y/site/s1.svs");
        Assert.All(ids, id => Assert.Matches("^s1-[0-9a-f]{8}$", id));
        Assert.NotEqual(ids[0], ids[1]);
    }

    [Fact]
    public void Ids_do_not_depend_on_the_mount_point()
    {
        string[] below = ["x/site/s1.svs", "y/site/s1.svs", "x/site/S1.svs", "xy/a.svs", "deep/xy/a.svs", "z/xy/a.svs"];
        string[] ids = Ids([.. below.Select(path => "/mnt/slides/" + path)]);
        Assert.Equal(ids, Ids([.. below.Select(path => "/media/someone/disk 2/" + path)]));
        Assert.Equal(ids, Ids([.. below.Select(path => "/" + path)]));
        AssertDistinct(ids);
        Assert.Equal(ids.Reverse(), Ids([.. below.Reverse().Select(path => "/" + path)]));
    }

    [Fact]
    public void Names_that_differ_in_case_only_stay_apart_where_the_file_system_ignores_case()
    {
        AssertDistinct(Ids("/d/Slide.svs", "/d/slide.svs", "/d/SLIDE.svs", "/e/slide.svs"));
    }

    [Theory]
    [InlineData("/d/...svs")]
    [InlineData("/d/.svs")]
    [InlineData("/d/-rf.svs")]
    [InlineData("/d/a/../..svs")]
    [InlineData("/d/\u202Egnp.svs")]
    [InlineData("/d/new\nline.svs")]
    [InlineData("/d/quote\"<script>&.svs")]
    [InlineData("/d/$(rm -rf).svs")]
    [InlineData("/d/Schnitt-Größe.svs")]
    [InlineData("/d/切片.svs")]
    [InlineData("/d/a:b|c?d*.svs")]
    public void Hostile_name_becomes_a_safe_folder_name(string path)
    {
        string id = Assert.Single(Ids(path));
        Assert.Matches("^[A-Za-z0-9_][A-Za-z0-9._-]*$", id);
        Assert.False(id.EndsWith('.'));
    }

    [Fact]
    public void Names_that_read_the_same_once_made_safe_stay_apart()
    {
        AssertDistinct(Ids("/d/Ä.svs", "/d/Ö.svs", "/d/?.svs", "/d/_.svs", "/d/a b.svs", "/d/a_b.svs", "/d/-a.svs", "/d/a.svs"));
    }

    [Fact]
    public void Very_long_names_are_cut_and_stay_apart()
    {
        string common = new('x', 230);
        string[] ids = Ids($"/d/{common}1.svs", $"/d/{common}2.svs", $"/{common}/{common}1.svs");
        AssertDistinct(ids);
        Assert.All(ids, id => Assert.InRange(id.Length, 1, 120));
    }

    [Fact]
    public void Ids_do_not_depend_on_the_order_of_the_paths()
    {
        string[] paths =
        [
            "/d/siteA/s1.svs", "/d/siteB/s1.svs", "/d/siteB/s1.tiff", "/e/siteA/s1.svs", "/d/S1.svs", "/d/Ä.svs", "/d/Ö.svs", "/d/x.svs",
            "/d/siteA__s1.svs", "/d/a b.svs", "/d/a_b.svs",
        ];
        Dictionary<string, string> first = paths.Zip(Ids(paths)).ToDictionary(p => p.First, p => p.Second);
        AssertDistinct([.. first.Values]);
        Random dice = new(7);
        for (int round = 0; round < 50; round++)
        {
            dice.Shuffle(paths);
            string[] ids = Ids(paths);
            Assert.All(paths.Zip(ids), p => Assert.Equal(first[p.First], p.Second));
        }
    }

    [Fact]
    public void Name_made_up_to_equal_another_slides_hashed_id_still_gets_its_own()
    {
        // The ids that two clashing slides end with are known beforehand; a third file may bear one of them as its name.
        string taken = Ids("/x/site/s1.svs", "/y/site/s1.svs")[0];
        AssertDistinct(Ids("/x/site/s1.svs", "/y/site/s1.svs", $"/z/{taken}.svs"));
    }

    private static string[] Ids(params string[] paths) => [.. SlideIdAssigner.Assign(paths).Select(id => id.Value)];

    private static void AssertDistinct(string[] ids) => Assert.Equal(ids.Length, ids.Distinct(StringComparer.OrdinalIgnoreCase).Count());
}
