using System.Diagnostics;
using System.Text.Json;

namespace SlideMesh.Cli.Tests;

/// <summary>Runs that are killed, stopped, or find a store that something happened to.</summary>
[Collection(OneAfterAnother.Name)]
public sealed class ResumeTests(Workplace workplace)
{
    /// <summary>Slow on purpose: one thread, small shards, one slide at a time, so that every moment can be met.</summary>
    private static readonly string[] Slowly = ["--json", "--decoders", "1", "--threads", "1", "--shard-tiles", "7", "--slides-in-flight", "1"];

    [Fact]
    public void Run_killed_seven_times_ends_with_the_bytes_of_an_undisturbed_run_and_computes_no_finished_slide_again()
    {
        string output = workplace.NewOutput();
        int Count(string pattern) => Directory.Exists(workplace[output])
            ? Directory.EnumerateFiles(workplace[output], pattern, SearchOption.AllDirectories).Count(f => !Path.GetFileName(f).StartsWith('.'))
            : 0;
        (string Moment, Func<IReadOnlyList<JsonElement>, bool> Happened)[] kills =
        [
            ("the output folder appears", _ => Directory.Exists(workplace[output])),
            ("a slide starts", events => Has(events, "slide-started", 1)),
            ("a slide is planned", events => Has(events, "slide-planned", 1)),
            ("a shard is stored", _ => Count("*.shard") >= 1),
            ("features are merged", _ => Count("*.h5") >= 1),
            ("a heatmap is written", _ => Count("*.png") >= 1),
            ("a slide is done", events => Has(events, "slide-done", 1)),
        ];
        foreach ((string moment, Func<IReadOnlyList<JsonElement>, bool> happened) in kills)
        {
            using SlideMeshProcess run = workplace.Start(["run", "good", "--out", output, .. Slowly]);
            run.WaitUntil(happened);
            run.Signal("KILL");
            int code = run.WaitForEnd().ExitCode;
            Assert.True(code == 137, $"when {moment}: exit code {code}, so the kill came too late");
        }

        string[] finished = [.. Workplace.Good.Where(slide => File.Exists(Path.Combine(workplace[output], "slides", slide, "predictions.json")))];
        Assert.NotEmpty(finished);
        Dictionary<string, DateTime> before = finished.SelectMany(slide => workplace.Tree(output).Written($"slides/{slide}"))
            .Where(f => !f.Key.Contains("/shards/", StringComparison.Ordinal)).ToDictionary();
        CliResult last = workplace.Run(["run", "good", "--out", output, .. Slowly]).Expect(0);

        workplace.Tree(output).AssertSameAs(workplace.Undisturbed);
        Assert.Equal(finished, Done(last, resumed: true));
        Assert.All(before, file => Assert.Equal(file.Value, File.GetLastWriteTimeUtc(file.Key)));
    }

    [Fact]
    public void Run_over_a_finished_cohort_computes_nothing()
    {
        string output = workplace.NewOutput();
        Copy(workplace.Undisturbed.Root, workplace[output]);
        Dictionary<string, DateTime> before = workplace.Tree(output).Written("slides");
        CliResult again = workplace.Run("run", "good", "--out", output, "--json").Expect(0);

        Assert.Equal(Workplace.Good, Done(again, resumed: true));
        Assert.Equal(before, workplace.Tree(output).Written("slides"));
        workplace.Tree(output).AssertSameAs(workplace.Undisturbed);
    }

    [Fact]
    public void Store_with_leftovers_damage_and_losses_is_mended_to_the_same_bytes()
    {
        string output = workplace.NewOutput();
        Copy(workplace.Undisturbed.Root, workplace[output]);
        string Path(string name) => System.IO.Path.Combine(workplace[output], name);

        // As a process leaves them that was killed in the middle of a file, and between the last file and clearing away.
        File.WriteAllText(Path(".tmp-99-run.json"), "half");
        File.WriteAllText(Path("slides/a/features/.tmp-99-demo-encoder.h5"), "half");
        Directory.CreateDirectory(Path("slides/a/shards"));
        File.WriteAllText(Path("slides/a/shards/demo-encoder.000000.shard"), "half");
        // A byte that rotted, a file that went, a ledger cut short.
        byte[] features = File.ReadAllBytes(Path("slides/b/features/demo-encoder.h5"));
        features[^9] ^= 1;
        File.WriteAllBytes(Path("slides/b/features/demo-encoder.h5"), features);
        File.Delete(Path("slides/b/heatmaps/grade.png"));
        File.WriteAllText(Path("slides/c/ledger.json"), File.ReadAllText(Path("slides/c/ledger.json"))[..200]);

        CliResult again = workplace.Run("run", "good", "--out", output, "--json").Expect(0);
        Assert.Equal(["a"], Done(again, resumed: true));
        Assert.Equal(["b", "c"], Done(again, resumed: false));
        workplace.Tree(output).AssertSameAs(workplace.Undisturbed);
    }

    [Fact]
    public void Slide_that_broke_since_loses_its_result_and_gets_it_back_once_mended()
    {
        // The results lie below the slides here, where a search for slides must not find them.
        Copy(workplace["good"], workplace["scans/good"]);
        string[] command = ["run", ".", "--out", "results", "--json"];
        SlideMeshProcess.Run(workplace["scans"], command).Expect(0);
        OutputTree tree = workplace.Tree("scans/results");
        SortedDictionary<string, string> before = tree.Contents();
        byte[] slide = File.ReadAllBytes(workplace["scans/good/a.tiff"]);
        File.WriteAllBytes(workplace["scans/good/a.tiff"], slide[..(slide.Length / 2)]);

        CliResult broken = SlideMeshProcess.Run(workplace["scans"], command).Expect(3);
        Assert.Equal(["b", "c"], Done(broken, resumed: true));
        Assert.Equal("truncated", tree.Slide("a")["reason"]);
        Assert.DoesNotContain(tree.All(), f => f.StartsWith("slides/a/", StringComparison.Ordinal) && (f.Contains("/heatmaps/", StringComparison.Ordinal) || f.EndsWith("predictions.json", StringComparison.Ordinal)));

        File.WriteAllBytes(workplace["scans/good/a.tiff"], slide);
        SlideMeshProcess.Run(workplace["scans"], command).Expect(0);
        Assert.Equal(before, tree.Contents());
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public void Signal_stops_a_run_within_five_seconds_and_the_same_command_resumes(string signal)
    {
        string output = workplace.NewOutput();
        string[] command = ["run", "good", "--out", output, .. Slowly];
        using SlideMeshProcess run = workplace.Start(command);
        run.WaitForEvent("slide-planned");
        long sent = Stopwatch.GetTimestamp();
        run.Signal(signal);
        CliResult stopped = run.WaitForEnd();
        TimeSpan took = Stopwatch.GetElapsedTime(sent);

        stopped.ExpectOneLine(130, "run the same command to go on");
        Assert.True(took < TimeSpan.FromSeconds(5), $"took {took}");
        IReadOnlyList<Dictionary<string, string>> slides = workplace.Tree(output).Table("slides.csv");
        Assert.Contains(slides, row => row["state"] == "pending");
        Assert.DoesNotContain(slides, row => row["state"] == "failed");
        Assert.Equal("", File.ReadAllText(Path.Combine(workplace[output], "run.log")));

        workplace.Run(command).Expect(0);
        workplace.Tree(output).AssertSameAs(workplace.Undisturbed);
    }

    [Fact]
    public void New_version_of_a_head_runs_the_heads_again_and_not_the_encoder()
    {
        string output = workplace.NewOutput();
        string models = output + "-models";
        Copy(Path.Combine(SlideMeshProcess.Repository, "tools/demo-models"), workplace[models]);
        string[] command = ["run", "good", "--out", output, "--models", models, "--json"];
        workplace.Run(command).Expect(0);
        // Where the packages lie is no part of the results.
        workplace.Tree(output).AssertSameAs(workplace.Undisturbed);
        Dictionary<string, DateTime> features = workplace.Tree(output).Written("slides", "*.h5");
        Assert.NotEmpty(features);

        string head = Path.Combine(workplace[models], "demo-origin", "model.json");
        string manifest = File.ReadAllText(head);
        string newer = System.Text.RegularExpressions.Regex.Replace(manifest, "\"version\": \"[^\"]*\"", "\"version\": \"99.0.0\"");
        Assert.NotEqual(manifest, newer);
        File.WriteAllText(head, newer);
        CliResult again = workplace.Run(command).Expect(0);

        Assert.Equal(Workplace.Good, Done(again, resumed: false));
        Assert.All(again.Named("slide-planned"), planned => Assert.Equal(0, planned.GetProperty("tiles").GetInt32()));
        Assert.Equal(features, workplace.Tree(output).Written("slides", "*.h5"));
        Assert.All(Workplace.Good, slide => Assert.Contains("99.0.0", File.ReadAllText(Path.Combine(workplace[output], "slides", slide, "predictions.json")), StringComparison.Ordinal));
    }

    private static bool Has(IReadOnlyList<JsonElement> events, string name, int times) =>
        events.Count(e => e.GetProperty("event").GetString() == name) >= times;

    private static string[] Done(CliResult run, bool resumed) =>
        [.. run.Named("slide-done").Where(e => e.GetProperty("resumed").GetBoolean() == resumed).Select(e => e.GetProperty("slide").GetString()!).Order(StringComparer.Ordinal)];

    private static void Copy(string from, string to)
    {
        foreach (string file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }
}
