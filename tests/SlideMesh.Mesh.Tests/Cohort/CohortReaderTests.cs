using System.Text;
using SlideMesh.Mesh.Cohort;

namespace SlideMesh.Mesh.Tests.Cohort;

public sealed class CohortReaderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Folder_is_searched_to_any_depth_for_slides_only()
    {
        _folder.Touch("a.svs");
        _folder.Touch("deep/er/b.TIFF");
        _folder.Touch("deep/notes.txt");
        _folder.Touch("deep/c.ndpi.part");

        Assert.Equal(["a", "b"], Ids(CohortReader.FromPaths([_folder.Root])));
    }

    [Fact]
    public void Search_passes_over_hidden_files_and_the_results_folder()
    {
        _folder.Touch("a.svs");
        _folder.Touch("._a.svs");
        _folder.Touch("out/slides/a/heatmaps/grade.tif");
        _folder.Touch("outer/b.svs");

        Assert.Equal(["a", "b"], Ids(CohortReader.FromPaths([_folder.Root], _folder["out"])));
        Assert.Equal(["a", "b"], Ids(CohortReader.FromPaths([_folder["**/*.svs"], _folder["a.svs"]], _folder["out/"])));
        Assert.Equal(["grade"], Ids(CohortReader.FromPaths([_folder["out/slides/a/heatmaps/grade.tif"]], _folder["out"])));
    }

    [Fact]
    public void Search_passes_over_results_of_any_run_but_not_over_a_layout_that_only_looks_alike()
    {
        _folder.Touch("a.svs");
        _folder.Touch("earlier/deep/slides/a/heatmaps/grade.tif");
        _folder.Write("earlier/deep/run.json", "{\n  \"format\": \"slidemesh-run/1\"\n}");
        _folder.Touch("study/slides/b.svs");
        _folder.Write("study/run.json", "{}");

        Assert.Equal(["a", "b"], Ids(CohortReader.FromPaths([_folder.Root])));
        Assert.Equal(["a"], Ids(CohortReader.FromPaths([_folder["**/*a*.*"]])));
        AssertOneLine(Assert.Throws<CohortException>(() => CohortReader.FromPaths([_folder["earlier/deep"]])), "results");
        AssertOneLine(Assert.Throws<CohortException>(() => CohortReader.FromPaths([_folder["earlier/deep/slides/"]])), "results");
        AssertOneLine(Assert.Throws<CohortException>(() => CohortReader.FromPaths([_folder["earlier/deep/slides/*/*/*.tif"]])), "no file matches");
        Assert.Equal(["grade"], Ids(CohortReader.FromPaths([_folder["earlier/deep/slides/a/heatmaps/grade.tif"]])));
    }

    [Fact]
    public void Search_passes_over_folders_that_may_not_be_read()
    {
        _folder.Touch("s/a.svs");
        _folder.Touch("s/lost+found/b.svs");
        using LesserUser user = new(_folder.Root, _folder["s/lost+found"]);

        Assert.Equal(["a"], Ids(CohortReader.FromPaths([_folder["s"]])));
        Assert.Equal(["a"], Ids(CohortReader.FromPaths([_folder["s/**/*.svs"]])));
        AssertOneLine(Assert.Throws<CohortException>(() => CohortReader.FromPaths([_folder["s/lost+found"]])), "may not be read");
    }

    [Fact]
    public void Path_shown_does_not_depend_on_spelling_or_order_of_inputs()
    {
        _folder.Touch("x/slides/a.svs");
        _folder.Touch("x/slides/deep/b.svs");
        string slides = _folder["x/slides"];
        string[] expected = ["slides/a.svs", "slides/deep/b.svs"];
        string relative = Path.GetRelativePath(Directory.GetCurrentDirectory(), slides);

        Assert.Equal(expected, Shown(slides));
        Assert.Equal(expected, Shown(slides + "/"));
        Assert.Equal(expected, Shown(_folder["x/./slides//"]));
        Assert.Equal(expected, Shown(_folder["x/slides/deep/../../slides"]));
        Assert.Equal(expected, Shown(slides + "/**/*.svs"));
        Assert.Equal(["slides/a.svs"], Shown(_folder["x//slides/a.svs"]));
        Assert.Equal([relative + "/a.svs", relative + "/deep/b.svs"], Shown("./" + relative + "//"));
        Assert.Equal([relative + "/a.svs"], Shown("./" + relative + "/.//*.svs"));

        string[] twice = Shown(slides, _folder["x/slides/deep/b.svs"], relative);
        Assert.Equal(twice, Shown(relative, _folder["x/slides/deep/b.svs"], slides));

        string[] Shown(params string[] inputs) => [.. CohortReader.FromPaths(inputs).Select(s => s.Path)];
    }

    [Fact]
    public void Two_slides_never_show_the_same_path()
    {
        string[] files = [_folder.Touch("1/x/s/a.svs"), _folder.Touch("2/x/s/a.svs"), _folder.Touch("2/y/s/a.svs"), _folder.Touch("2/y/s/b.svs")];
        Assert.Equal(
            [(files[0], "1/x/s/a.svs"), (files[1], "2/x/s/a.svs"), (files[2], "y/s/a.svs"), (files[3], "s/b.svs")],
            CohortReader.FromPaths(files).OrderBy(s => s.FullPath, StringComparer.Ordinal).Select(s => (s.FullPath, s.Path)));

        string[] alike = [_folder.Touch("c/\u0001.svs"), _folder.Touch("c/\u0002.svs")];
        Assert.Equal(
            CohortReader.FromPaths(alike).Select(s => (s.FullPath, s.Path)),
            CohortReader.FromPaths([alike[1], alike[0]]).Select(s => (s.FullPath, s.Path)));
        Assert.Equal(2, CohortReader.FromPaths(alike).Select(s => s.Path).Distinct(StringComparer.Ordinal).Count());
    }

    [Fact]
    public void Control_characters_reach_neither_shown_paths_nor_messages()
    {
        CohortEntry slide = Assert.Single(CohortReader.FromPaths([_folder.Touch("s/a\u001B[2J\n  b.svs")]));
        Assert.Equal("s/a\uFFFD[2J\uFFFD  b.svs", slide.Path);
        CohortException told = Assert.Throws<CohortException>(() => CohortReader.FromPaths(["none\u001B[2J.svs"]));
        AssertOneLine(told, "'none\uFFFD[2J.svs' does not exist");
    }

    [Fact]
    public void File_named_directly_is_taken_whatever_it_is_called()
    {
        string odd = _folder.Touch("slide.bin");
        CohortEntry slide = Assert.Single(CohortReader.FromPaths([odd]));
        Assert.Equal(("slide", $"{Path.GetFileName(_folder.Root)}/slide.bin", odd), (slide.Id.Value, slide.Path, slide.FullPath));
        Assert.Equal(("slide", "slide"), (slide.CaseId, slide.OmicsId));
    }

    [Theory]
    [InlineData("*.svs", "a", "b")]
    [InlineData("?.svs", "a", "b")]
    [InlineData("**/*.svs", "a", "b", "c", "d")]
    [InlineData("*/*.svs", "c")]
    [InlineData("x/**/d.svs", "d")]
    [InlineData("**/d.*", "d")]
    [InlineData("x/**", "c", "d")]
    public void Glob_matches_as_a_shell_would(string pattern, params string[] expected)
    {
        _folder.Touch("a.svs");
        _folder.Touch("b.svs");
        _folder.Touch("x/c.svs");
        _folder.Touch("x/y/d.svs");

        Assert.Equal(expected, Ids(CohortReader.FromPaths([_folder[pattern]])));
    }

    [Fact]
    public void Slide_given_several_times_is_one_slide_in_any_order_of_inputs()
    {
        string a = _folder.Touch("a.svs");
        string b = _folder.Touch("x/b.svs");
        IReadOnlyList<CohortEntry> one = CohortReader.FromPaths([_folder.Root, a, b, _folder["*.svs"]]);
        IReadOnlyList<CohortEntry> other = CohortReader.FromPaths([b, _folder["x/../a.svs"], _folder.Root]);

        Assert.Equal(["a", "b"], Ids(one));
        Assert.Equal(Ids(one), Ids(other));
        Assert.Equal(one.Select(s => s.FullPath), other.Select(s => s.FullPath));
    }

    [Theory]
    [InlineData("missing.svs", "does not exist")]
    [InlineData("empty", "no slides in folder")]
    [InlineData("*.svs", "no file matches")]
    [InlineData("nowhere/**/*.svs", "no file matches")]
    public void Input_that_names_no_slide_is_told_in_one_line(string input, string expected)
    {
        Directory.CreateDirectory(_folder["empty"]);
        CohortException told = Assert.Throws<CohortException>(() => CohortReader.FromPaths([_folder[input]]));
        AssertOneLine(told, expected);
    }

    [Fact]
    public void Manifest_paths_are_relative_to_the_manifest_and_shown_as_given()
    {
        string manifest = _folder.Write("lists/cohort.csv", "slide,case_id,mpp,omics_id,sex,note\n../s/b.svs,C1,0.25,O1,F,\n../s/a.svs,,,,,x\n");
        IReadOnlyList<CohortEntry> slides = CohortReader.FromManifest(manifest);

        Assert.Equal(["a", "b"], Ids(slides));
        CohortEntry b = slides[1];
        Assert.Equal(("../s/b.svs", _folder["s/b.svs"], "C1", "O1", 0.25), (b.Path, b.FullPath, b.CaseId, b.OmicsId, b.MicronsPerPixel));
        Assert.Equal([("sex", "F")], b.Covariates.Select(c => (c.Key, c.Value)));
        CohortEntry a = slides[0];
        Assert.Equal(("a", "a", null), (a.CaseId, a.OmicsId, a.MicronsPerPixel));
        Assert.Equal([("note", "x")], a.Covariates.Select(c => (c.Key, c.Value)));
    }

    [Fact]
    public void Manifest_rows_in_another_order_make_the_same_cohort()
    {
        string one = _folder.Write("one.csv", "slide\nx/s.svs\ny/s.svs\nz.svs\n");
        string other = _folder.Write("other.csv", "slide\nz.svs\ny/s.svs\nx/s.svs\n");
        Assert.Equal(
            CohortReader.FromManifest(one).Select(s => (s.Id, s.Path)),
            CohortReader.FromManifest(other).Select(s => (s.Id, s.Path)));
    }

    [Theory]
    [InlineData("slide;mpp\na.svs;0.5\n")]
    [InlineData("slide\tmpp\na.svs\t0.5\n")]
    [InlineData("slide,mpp\r\na.svs,0.5\r\n")]
    [InlineData("\"slide\",\"mpp\"\n\"a.svs\",\"0.5\"\n")]
    [InlineData("\uFEFFslide,mpp\na.svs,0.5\n")]
    [InlineData(" Slide , MPP \n a.svs , 0.5 ")]
    [InlineData("mpp,slide,extra\n0.5,a.svs,\n\n")]
    [InlineData("wsi,mpp\na.svs,0.5\n")]
    [InlineData("path,mpp\na.svs,0.5\n")]
    public void Manifest_is_read_in_the_ways_that_tools_write_it(string text)
    {
        CohortEntry slide = Assert.Single(CohortReader.FromManifest(_folder.Write("cohort.csv", text)));
        Assert.Equal(("a", "a.svs", 0.5), (slide.Id.Value, slide.Path, slide.MicronsPerPixel));
    }

    [Fact]
    public void Stamp_slide_table_gives_the_patient_as_case()
    {
        string manifest = _folder.Write("slide.csv", "PATIENT,FILENAME\nTCGA-1,a.svs\nTCGA-1,b.svs\n");
        IReadOnlyList<CohortEntry> slides = CohortReader.FromManifest(manifest);
        Assert.Equal(["TCGA-1", "TCGA-1"], slides.Select(s => s.CaseId));
        Assert.Equal(["TCGA-1", "TCGA-1"], slides.Select(s => s.OmicsId));
    }

    [Fact]
    public void Quoted_cell_may_hold_the_separator_and_quotes()
    {
        string manifest = _folder.Write("cohort.csv", "slide,note\n\"a, b.svs\",\"said \"\"so\"\"\"\n");
        CohortEntry slide = Assert.Single(CohortReader.FromManifest(manifest));
        Assert.Equal("a, b.svs", slide.Path);
        Assert.Equal("said \"so\"", slide.Covariates["note"]);
    }

    [Fact]
    public void Row_with_fewer_cells_leaves_the_rest_empty()
    {
        string manifest = _folder.Write("cohort.csv", "slide,case_id,mpp\na.svs\nb.svs,C2\n");
        IReadOnlyList<CohortEntry> slides = CohortReader.FromManifest(manifest);
        Assert.Equal([("a", "a", null), ("b", "C2", (double?)null)], slides.Select(s => (s.Id.Value, s.CaseId, s.MicronsPerPixel)));
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("slide\n", "names no slide")]
    [InlineData("name,mpp\na.svs,0.5\n", "no column 'slide'")]
    [InlineData("slide,mpp\na.svs,0.5\n,0.5\n", "line 3: the slide column is empty")]
    [InlineData("slide,mpp\na.svs,half\n", "mpp 'half' is not a number of µm")]
    [InlineData("slide,mpp\na.svs,-0.5\n", "mpp '-0.5' is not a number of µm")]
    [InlineData("slide,mpp\na.svs,0\n", "mpp '0' is not a number of µm")]
    [InlineData("slide,mpp\na.svs,NaN\n", "mpp 'NaN' is not a number of µm")]
    [InlineData("slide;mpp\na.svs;0,5\n", "mpp '0,5' is not a number of µm")]
    [InlineData("slide\na.svs\nx/../a.svs\n", "names slide 'a.svs' twice")]
    [InlineData("slide,slide_id\na.svs,S\nb.svs,s\n", "gives the slide_id")]
    [InlineData("slide,case_id\na.svs,C,spare\n", "line 2")]
    [InlineData("slide,case_id\na.svs,\"C\nb.svs,D\n", "line")]
    [InlineData("slide,slide\na.svs,b.svs\n", "'slide' twice")]
    public void Manifest_that_cannot_be_used_is_told_in_one_line_with_its_name(string text, string expected)
    {
        string manifest = _folder.Write("cohort.csv", text);
        AssertOneLine(Assert.Throws<CohortException>(() => CohortReader.FromManifest(manifest)), expected);
    }

    [Fact]
    public void Manifest_that_is_missing_a_folder_or_binary_is_told_in_one_line()
    {
        AssertOneLine(Assert.Throws<CohortException>(() => CohortReader.FromManifest(_folder["none.csv"])), "does not exist");
        AssertOneLine(Assert.Throws<CohortException>(() => CohortReader.FromManifest(_folder.Root)), _folder.Root);
        string binary = _folder["binary.csv"];
        byte[] bytes = new byte[5000];
        new Random(3).NextBytes(bytes);
        File.WriteAllBytes(binary, bytes);
        AssertOneLine(Assert.Throws<CohortException>(() => CohortReader.FromManifest(binary)), "binary.csv");
    }

    [Fact]
    public void Manifest_in_utf_16_as_spreadsheets_save_it_is_read()
    {
        string manifest = _folder["cohort.csv"];
        File.WriteAllText(manifest, "slide\tmpp\nGröße.svs\t0.5\n", Encoding.Unicode);
        Assert.Equal("Größe.svs", Assert.Single(CohortReader.FromManifest(manifest)).Path);
    }

    [Fact]
    public void Manifest_that_cannot_be_read_is_told_in_one_line()
    {
        string manifest = _folder.Write("cohort.csv", "slide\na.svs\n");
        using FileStream held = new(manifest, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        AssertOneLine(Assert.Throws<CohortException>(() => CohortReader.FromManifest(manifest)), "cannot be read");
    }

    [Fact]
    public void Manifest_that_this_user_may_not_read_is_told_in_one_line()
    {
        string manifest = _folder.Write("cohort.csv", "slide\na.svs\n");
        using LesserUser user = new(_folder.Root, manifest);
        AssertOneLine(Assert.Throws<CohortException>(() => CohortReader.FromManifest(manifest)), "cannot be read");
    }

    [Fact]
    public void Manifest_paths_are_shown_in_one_spelling_and_without_the_mount_point()
    {
        string manifest = _folder.Write("cohort.csv", $"slide\n./s//a.svs\n{_folder["far/s/b.svs"]}\n{_folder["far/s/a.svs"]}\n");
        Assert.Equal(
            [(_folder["far/s/a.svs"], "far/s/a.svs"), (_folder["far/s/b.svs"], "s/b.svs"), (_folder["s/a.svs"], $"{Path.GetFileName(_folder.Root)}/s/a.svs")],
            CohortReader.FromManifest(manifest).OrderBy(s => s.FullPath, StringComparer.Ordinal).Select(s => (s.FullPath, s.Path)));
    }

    [Fact]
    public void Manifest_without_paths_finds_slides_by_slide_id()
    {
        _folder.Touch("S1.svs");
        _folder.Touch("S2.txt");
        _folder.Touch("slides/batch/S2.uuid.tiff");
        _folder.Touch("slides/S3.ndpi");
        _folder.Touch("elsewhere/S3.ndpi");
        // CLAM and TOAD leave the extension out, PORPOISE writes it.
        string manifest = _folder.Write("cohort.csv", "case_id,slide_id,label\nC1,S1,x\nC2,S2.uuid,y\nC3,S3.ndpi,y\n");
        IReadOnlyList<CohortEntry> slides = CohortReader.FromManifest(manifest);
        Assert.Equal(
            [("S1", "C1", "S1.svs"), ("S2.uuid", "C2", "slides/batch/S2.uuid.tiff"), ("S3.ndpi", "C3", "slides/S3.ndpi")],
            slides.Select(s => (s.Id.Value, s.CaseId, s.Path)));
        Assert.All(slides, s => Assert.True(File.Exists(s.FullPath)));
    }

    [Theory]
    [InlineData("slide_id\nS1\nS9\n", "no slide 'S9' lies beside it or in slides/; add a column 'slide' with paths")]
    [InlineData("slide_id\nS2\n", "may be 'S2.svs' or 'S2.tiff'; add a column 'slide' with paths")]
    [InlineData("slide_id,label\nS1,x\n,y\n", "line 3: the slide_id column is empty")]
    public void Manifest_without_paths_whose_slides_are_not_there_asks_for_a_column_of_paths(string text, string expected)
    {
        _folder.Touch("S1.svs");
        _folder.Touch("S2.svs");
        _folder.Touch("slides/S2.tiff");
        AssertOneLine(Assert.Throws<CohortException>(() => CohortReader.FromManifest(_folder.Write("cohort.csv", text))), expected);
    }

    [Fact]
    public void Sex_is_understood_from_is_female()
    {
        string manifest = _folder.Write("cohort.csv", "slide,is_female,sex\na.svs,1,\nb.svs,0,\nc.svs,NA,\nd.svs,1.0,M\n");
        Assert.Equal(["F", "M", null, "M"], CohortReader.FromManifest(manifest).Select(s => s.Covariates.GetValueOrDefault("sex")));
    }

    private static IEnumerable<string> Ids(IEnumerable<CohortEntry> slides) => slides.Select(s => s.Id.Value);

    private static void AssertOneLine(CohortException told, string expected)
    {
        Assert.Contains(expected, told.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', told.Message);
        Assert.InRange(told.Message.Length, 1, 500);
    }
}
