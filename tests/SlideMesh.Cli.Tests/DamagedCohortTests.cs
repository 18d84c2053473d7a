using System.Text.Json;
using SlideMesh.Slides.Tests.Tiff;
using SlideMesh.Synth.Scenes;

namespace SlideMesh.Cli.Tests;

/// <summary>One run over a cohort in which nearly everything that can be wrong with slides is wrong.</summary>
[Collection(OneAfterAnother.Name)]
public sealed class DamagedCohortTests : IClassFixture<DamagedCohortTests.DamagedRun>
{
    private readonly DamagedRun _run;
    private readonly Workplace _workplace;

    public DamagedCohortTests(Workplace workplace, DamagedRun run)
    {
        _workplace = workplace;
        _run = run;
        run.Perform(workplace);
    }

    [Fact]
    public void Run_goes_on_to_the_end_and_exits_with_3()
    {
        _run.Result.Expect(3);
        Assert.Equal(11, _run.Tree.Table("slides.csv").Count);
    }

    [Theory]
    [InlineData("text", "not-a-slide")]
    [InlineData("truncated", "truncated")]
    [InlineData("empty", "no-tissue")]
    [InlineData("blank", "no-tissue")]
    [InlineData("nompp", "microns-per-pixel-missing")]
    [InlineData("missing", "file-missing")]
    public void Slide_that_cannot_be_used_is_named_with_its_typed_reason(string id, string reason)
    {
        Dictionary<string, string> slide = _run.Tree.Slide(id);
        Assert.Equal(("failed", reason), (slide["state"], slide["reason"]));
        Dictionary<string, string> failure = Assert.Single(_run.Tree.Table("failures.csv"), row => row["slide_id"] == id);
        Assert.Equal(("slide", reason), (failure["scope"], failure["reason"]));
        Assert.Contains(slide["path"], failure["detail"], StringComparison.Ordinal);
        Assert.Contains($"failed: {id}: {reason}: ", _run.Result.Out, StringComparison.Ordinal);
        Assert.False(File.Exists(_run.Tree.At($"slides/{id}/predictions.json")));
    }

    [Theory]
    [InlineData("a")]
    [InlineData("damaged")]
    [InlineData("torn")]
    [InlineData("north__same")]
    [InlineData("south__same")]
    public void Slide_beside_bad_ones_is_done(string id)
    {
        Assert.Equal("done", _run.Tree.Slide(id)["state"]);
        Assert.True(File.Exists(_run.Tree.At($"slides/{id}/report.html")));
    }

    [Fact]
    public void Good_slide_has_the_bytes_that_it_has_without_bad_company()
    {
        // Its path is shown relative to the manifest, which lies beside good/: the same text as without one.
        string[] files = [.. _run.Tree.All().Where(f => f.StartsWith("slides/a/", StringComparison.Ordinal))];
        Assert.NotEmpty(files);
        Assert.All(files, f => Assert.Equal(File.ReadAllBytes(_workplace.Undisturbed.At(f)), File.ReadAllBytes(_run.Tree.At(f))));
    }

    [Fact]
    public void Damaged_tile_is_listed_and_the_rest_of_its_slide_is_used()
    {
        Dictionary<string, string>[] tiles = [.. _run.Tree.Table("failures.csv").Where(row => row["slide_id"] == "damaged" && row["reason"] == "tile-unreadable")];
        Assert.NotEmpty(tiles);
        Assert.Contains(tiles, tile => tile["stream"] == "demo-encoder");
        // Only tiles that touch the damaged block: a model's tile of 256 pixels is wider on level 0 the coarser it sees.
        Assert.All(tiles, tile =>
        {
            int edge = tile["stream"] switch { "demo-encoder" => 256, "demo-encoder-256px-1um" => 512, _ => 1024 };
            Assert.Equal("tile", tile["scope"]);
            Assert.InRange(int.Parse(tile["x"], null), _run.DamagedX - edge + 1, _run.DamagedX + 255);
            Assert.InRange(int.Parse(tile["y"], null), _run.DamagedY - edge + 1, _run.DamagedY + 255);
        });
        Dictionary<string, string> slide = _run.Tree.Slide("damaged");
        Assert.Equal(tiles.Length, int.Parse(slide["tiles_unreadable"], null));
        Assert.True(int.Parse(slide["tiles_demo-encoder"], null) > 0);
    }

    [Fact]
    public void Part_that_tissue_could_not_be_looked_for_in_is_told_beside_the_answers()
    {
        string[] notes = Notes("torn");
        Assert.Matches(@"^[0-9]+(\.[0-9]+)? % of the slide could not be read", Assert.Single(notes));
        foreach (string report in (string[])["slides/torn/report.html", "report.html"])
        {
            Assert.Contains("of the slide could not be read", File.ReadAllText(_run.Tree.At(report)), StringComparison.Ordinal);
        }

        Assert.Empty(Notes("a"));
        // 15 of the 16 tiles of level 1.
        Assert.Matches("^no tissue found on 'bad/blank.tiff', but 93.75 % of it could not be read", _run.Tree.Slide("blank")["detail"]);
        Assert.DoesNotContain("could not be read", _run.Tree.Slide("empty")["detail"], StringComparison.Ordinal);
    }

    [Fact]
    public void Repeated_run_tells_the_same_failures_and_computes_no_good_slide_again()
    {
        SortedDictionary<string, string> before = _run.Tree.Contents();
        CliResult again = _workplace.Run([.. _run.Command, "--json"]).Expect(3);
        Assert.Equal(5, again.Named("slide-done").Count(e => e.GetProperty("resumed").GetBoolean()));
        Assert.Equal(before, _run.Tree.Contents());
    }

    [Fact]
    public void Nothing_written_names_a_folder_of_this_machine()
    {
        PrivacyTests.AssertNowhere(_run.Tree, _workplace.Root);
    }

    private string[] Notes(string id)
    {
        using JsonDocument summary = JsonDocument.Parse(File.ReadAllBytes(_run.Tree.At($"slides/{id}/predictions.json")));
        return [.. summary.RootElement.GetProperty("notes").EnumerateArray().Select(note => note.GetString()!)];
    }

    public sealed class DamagedRun
    {
        private const string Manifest = """
            slide,case_id
            bad/text.svs,
            bad/truncated.tiff,
            bad/damaged.tiff,
            bad/torn.tiff,
            bad/blank.tiff,
            bad/empty.tiff,
            bad/nompp.tiff,
            north/same.tiff,N
            south/same.tiff,S
            bad/missing.svs,
            good/a.tiff,
            """;

        private CliResult? _result;
        private OutputTree? _tree;

        internal CliResult Result => _result!;

        internal OutputTree Tree => _tree!;

        internal string[] Command { get; private set; } = [];

        /// <summary>Corner of the block of the file that cannot be decoded, level-0 pixels; 256 on an edge.</summary>
        internal int DamagedX { get; private set; }

        internal int DamagedY { get; private set; }

        internal void Perform(Workplace workplace)
        {
            if (_result is not null)
            {
                return;
            }

            workplace.Make("bad/truncated.tiff", new SlideParameters { Seed = 4, WidthPx = 1024, HeightPx = 1024 });
            byte[] whole = File.ReadAllBytes(workplace["bad/truncated.tiff"]);
            File.WriteAllBytes(workplace["bad/truncated.tiff"], whole[..(whole.Length * 2 / 3)]);
            File.WriteAllText(workplace["bad/text.svs"], "This is no slide.\n");
            workplace.Make("bad/empty.tiff", new SlideParameters { Seed = 5, WidthPx = 1024, HeightPx = 1024, Tissue = TissueKind.None, Nuisances = NuisanceChoice.None });
            workplace.Make("bad/nompp.tiff", new SlideParameters { Seed = 6, WidthPx = 1024, HeightPx = 1024, WriteMicronsPerPixel = false });
            workplace.Make("north/same.tiff", new SlideParameters { Seed = 7, WidthPx = 1024, HeightPx = 1024 });
            workplace.Make("south/same.tiff", new SlideParameters { Seed = 8, WidthPx = 1024, HeightPx = 1024 });
            (DamagedX, DamagedY) = MakeDamaged(workplace, "bad/damaged.tiff", directory: 0);
            MakeDamaged(workplace, "bad/torn.tiff", directory: 1);
            MakeDamaged(workplace, "bad/blank.tiff", directory: 1, sound: 1);
            File.WriteAllText(workplace["cohort.csv"], Manifest);

            string output = workplace.NewOutput();
            Command = ["run", "--manifest", "cohort.csv", "--out", output];
            _result = workplace.Run([.. Command, "--quiet"]);
            _tree = workplace.Tree(output);
        }

        /// <summary>
        /// Spoils the fullest tile of a level, or all but the emptiest: where the JPEG is longest there is tissue. Tissue is found from
        /// level 1; damage to level 0 is met by its tiles alone.
        /// </summary>
        /// <param name="sound">Tiles that stay; null: all but one.</param>
        /// <returns>Corner of the fullest tile, pixels of its level.</returns>
        private static (int X, int Y) MakeDamaged(Workplace workplace, string name, int directory, int? sound = null)
        {
            const ushort TileOffsets = 324;
            const ushort TileByteCounts = 325;
            const int Edge = 2048;
            workplace.Make(name, new SlideParameters { Seed = 9, WidthPx = Edge, HeightPx = Edge, Nuisances = NuisanceChoice.None });
            byte[] file = File.ReadAllBytes(workplace[name]);
            BigTiffDirectory level = BigTiffDirectory.ReadAll(file)[directory];
            Assert.Equal([256L], level.Values(322));
            long[] lengths = level.Values(TileByteCounts);
            int[] fullestFirst = [.. Enumerable.Range(0, lengths.Length).OrderByDescending(i => lengths[i])];
            foreach (int i in fullestFirst.Take(lengths.Length - (sound ?? (lengths.Length - 1))))
            {
                int offset = (int)level.Values(TileOffsets)[i];
                foreach (ref byte b in file.AsSpan(offset, (int)lengths[i] - 2))
                {
                    b ^= 0xA5;
                }
            }

            File.WriteAllBytes(workplace[name], file);
            int across = ((int)level.Values(256)[0] + 255) / 256;
            return (fullestFirst[0] % across * 256, fullestFirst[0] / across * 256);
        }
    }
}
