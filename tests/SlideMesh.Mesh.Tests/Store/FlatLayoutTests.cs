using SlideMesh.Inference.Packages;
using SlideMesh.Mesh.Runs;
using SlideMesh.Reporting.OutputStore;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Tests.Store;

public sealed class FlatLayoutTests : IDisposable
{
    private static readonly FeatureStream Fine = new("enc", "enc", new TileView(256, 0.5), 8);

    private static readonly FeatureStream Coarse = new("enc-256px-2um-64ov", "enc", new TileView(256, 2, 64), 8);

    private readonly TemporaryFolder _output = new();

    public void Dispose() => _output.Dispose();

    [Fact]
    public void Folders_have_the_names_that_trident_clam_and_stamp_look_for()
    {
        SlideFolder slide = Slide("a", Fine, Coarse);
        Assert.Equal(_output["20x_256px_0px_overlap/features_enc/a.h5"], slide.Features("enc"));
        Assert.Equal(_output["5x_256px_64px_overlap/features_enc/a.h5"], slide.Features(Coarse.Id));
        Assert.Equal(_output["20x_256px_0px_overlap/patches/a_patches.h5"], slide.Patches("enc"));
        Assert.Equal(_output["20x_256px_0px_overlap/clam_enc/pt_files/a.pt"], slide.Torch("enc"));
        Assert.Equal(_output["20x_256px_0px_overlap/stamp_enc/a.h5"], slide.Stamp("enc"));
        Assert.Equal("33.3333x_224px_0px_overlap", FlatLayout.ViewFolder(new TileView(224, 0.3)));
    }

    [Fact]
    public void Streams_that_would_share_files_are_refused()
    {
        FeatureStream same = Fine with { Id = "enc-other", View = new TileView(256, 0.500000001) };
        Assert.Contains("'enc'", Assert.Throws<ArgumentException>(() => new FlatLayout([Fine, same])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("slides/a/plan.json", true)]
    [InlineData("20x_256px_0px_overlap/features_enc/a.h5", true)]
    [InlineData("40x_512px_0px_overlap/features_gone/a.h5", true)]
    [InlineData("20x_256px_0px_overlap/clam_enc/pt_files/a.pt", true)]
    [InlineData("20x_256px_0px_overlap/patches/a_patches.h5", true)]
    [InlineData("20x_256px_0px_overlap/features_enc/b.h5", false)]
    [InlineData("20x_256px_0px_overlap/mine/a.h5", false)]
    [InlineData("slides/b/a.h5", false)]
    [InlineData("slides/ab/plan.json", false)]
    [InlineData("run.json", false)]
    [InlineData("../features_enc/a/a.h5", false)]
    public void Slide_owns_its_own_files_and_no_others(string file, bool owned) =>
        Assert.Equal(owned, Slide("a", Fine).Owns(Path.GetFullPath(_output[file])));

    [Fact]
    public void Ledger_that_names_foreign_files_deletes_none_of_them()
    {
        SlideFolder slide = Slide("a", Fine);
        AtomicFile.WriteText(slide.Features("enc"), "features");
        AtomicFile.WriteText(Slide("b", Fine).Features("enc"), "another's");
        StageLedger.Open(slide).MarkDone("features/enc", "key", [slide.Features("enc")]);
        File.WriteAllText(slide.Ledger, File.ReadAllText(slide.Ledger).Replace("features_enc/a.h5", "features_enc/b.h5", StringComparison.Ordinal));

        StageLedger.Open(slide).Keep(new HashSet<string>());
        Assert.True(File.Exists(Slide("b", Fine).Features("enc")));
    }

    [Fact]
    public void Half_written_files_of_a_slide_go_away_and_those_of_others_stay()
    {
        string mine = _output.Touch("20x_256px_0px_overlap/features_enc/.tmp-a.h5");
        string tensor = _output.Touch("20x_256px_0px_overlap/clam_enc/pt_files/.tmp-a.pt");
        string others = _output.Touch("20x_256px_0px_overlap/features_enc/.tmp-b.h5");
        RunStore.RemoveLeftovers(Slide("a", Fine));
        Assert.Equal([false, false, true], new[] { mine, tensor, others }.Select(File.Exists));
    }

    [Fact]
    public void Folder_of_another_command_is_refused_and_a_damaged_run_file_is_not()
    {
        _output.Write("out/run.json", """{ "format": "slidemesh-run/1", "command": "embed", "softwareVersion": "1", "parameters": {}, "models": [], "slides": [] }""");
        RunStore.Open(_output["out"], RunVerb.Embed).Dispose();
        Assert.Contains("'slidemesh embed'", Assert.Throws<OutputException>(() => RunStore.Open(_output["out"], RunVerb.Predict)).Message, StringComparison.Ordinal);
        _output.Write("out/run.json", "{");
        RunStore.Open(_output["out"], RunVerb.Predict).Dispose();
    }

    private SlideFolder Slide(string id, params FeatureStream[] streams) => new(_output.Root, new SlideId(id), new FlatLayout(streams));
}
