using System.Diagnostics;
using SlideMesh.Slides.Raster;
using SlideMesh.Slides.Tiff;
using SlideMesh.Synth.Cohorts;
using SlideMesh.Synth.Scenes;

namespace SlideMesh.Synth.Commands;

/// <summary>The three verbs of <c>slidemesh-synth</c>.</summary>
internal static class SynthCommands
{
    internal const string Help = """
        slidemesh-synth: made-up H&E slides with known answers, for demonstrations and tests.

        slidemesh-synth cohort --out DIR [--slides 60] [--seed 1] [--size 4096] [--mpp 0.5] [--threads 0] [--tables-only]
            A folder with cohort.csv, omics.csv, slides/<id>.tiff and truth/<id>.json. --tables-only writes the two tables, with
            the same bytes, and paints nothing.

        slidemesh-synth slide --out FILE.tiff [--seed 1] [--size 4096 | --width W --height H] [--mpp 0.5 | --mpp none]
                [--origin Lung|Breast|Colorectal|Prostate|Renal|Thyroid] [--grade 0..5] [--tmb 5] [--site Primary|Metastatic]
                [--tissue Tumour|None] [--pen N] [--folds N] [--blur N] [--truth FILE.json] [--threads 0]
            One slide. --pen, --folds and --blur count marks; when none of the three is given, chance decides.

        slidemesh-synth repeat --out FILE.tiff --size 50000 [--width W --height H] [--seed 1] [--block 4096] [--origin …] [--mpp 0.5]
                [--smallest-level 1024]
            A slide of any size within seconds: one small slide repeated without end. Tiles are stored once and pointed at again. Levels
            follow until one is no larger than --smallest-level; a huge number leaves level 0 alone, as some exporters do.

        The same options give the same bytes. --threads 0 uses all cores; it never changes the bytes. Sizes are level-0 pixels.
        """;

    internal static void Cohort(ReadOnlySpan<string> rest)
    {
        Arguments arguments = new(rest, ["--tables-only"], "--out", "--slides", "--seed", "--size", "--mpp", "--threads");
        string folder = arguments.Text("--out");
        ulong seed = arguments.Seed("--seed");
        IReadOnlyList<SyntheticCase> cases = CohortPlan.Draw(
            arguments.Whole("--slides", 60, 1, 100_000), seed, arguments.Whole("--size", 4096, 256, 65_536), arguments.Number("--mpp", 0.5),
            arguments.Whole("--threads", 0, 0, 256));
        if (arguments.Has("--tables-only"))
        {
            CohortWriter.WriteTables(folder, cases, seed);
            return;
        }

        Stopwatch watch = Stopwatch.StartNew();
        CohortWriter.Write(folder, cases, seed, (i, patient) => Console.Error.WriteLine($"{i + 1}/{cases.Count} {patient.SlideId} {watch.Elapsed.TotalSeconds:0.0} s"));
    }

    internal static void Slide(ReadOnlySpan<string> rest)
    {
        Arguments arguments = new(
            rest, "--out", "--seed", "--size", "--width", "--height", "--mpp", "--origin", "--grade", "--tmb", "--site", "--tissue", "--pen", "--folds",
            "--blur", "--truth", "--threads");
        string path = arguments.Text("--out");
        SlideParameters parameters = Parameters(arguments, "--size", 4096);
        SlideTruth truth = SlideGenerator.Write(path + ".part", parameters);
        File.Move(path + ".part", path, overwrite: true);
        if (arguments.Has("--truth"))
        {
            File.WriteAllText(arguments.Text("--truth"), truth.ToJson());
        }
    }

    internal static void Repeat(ReadOnlySpan<string> rest)
    {
        Arguments arguments = new(rest, "--out", "--seed", "--size", "--width", "--height", "--block", "--mpp", "--origin", "--threads", "--smallest-level");
        string path = arguments.Text("--out");
        int size = arguments.Whole("--size", 50_000, 256, 1_000_000);
        int width = arguments.Whole("--width", size, 256, 1_000_000);
        int height = arguments.Whole("--height", size, 256, 1_000_000);
        int block = arguments.Whole("--block", 4096, 256, 16_384);
        SlideParameters parameters = Parameters(arguments, "--block", 4096) with { WidthPx = block, HeightPx = block, Nuisances = NuisanceChoice.None, Grade = 2 };
        RgbImage picture = SlideGenerator.Render(parameters);
        RepeatedTiff.Write(path + ".part", picture, width, height, SlideGenerator.Options(parameters) with
        {
            SmallestLevelPx = arguments.Whole("--smallest-level", 1024, 1, 1_000_000),
        });
        File.Move(path + ".part", path, overwrite: true);
    }

    private static SlideParameters Parameters(Arguments arguments, string sizeOption, int otherwise)
    {
        int size = arguments.Whole(sizeOption, otherwise, 64, 65_536);
        bool scaleKnown = !arguments.Has("--mpp") || !arguments.Text("--mpp").Equals("none", StringComparison.OrdinalIgnoreCase);
        bool chosen = arguments.Has("--pen") || arguments.Has("--folds") || arguments.Has("--blur");
        return new()
        {
            Seed = arguments.Seed("--seed"),
            WidthPx = sizeOption == "--size" ? arguments.Whole("--width", size, 64, 65_536) : size,
            HeightPx = sizeOption == "--size" ? arguments.Whole("--height", size, 64, 65_536) : size,
            MicronsPerPixel = scaleKnown ? arguments.Number("--mpp", 0.5) : 0.5,
            WriteMicronsPerPixel = scaleKnown,
            Tissue = arguments.Choice("--tissue", TissueKind.Tumour),
            Origin = arguments.Choice("--origin", Origin.Lung),
            Grade = arguments.Whole("--grade", 0, 0, 5),
            Tmb = arguments.Number("--tmb", 5),
            Site = arguments.Choice("--site", SpecimenSite.Primary),
            Nuisances = chosen ? new(arguments.Whole("--pen", 0, 0, 20), arguments.Whole("--blur", 0, 0, 20), arguments.Whole("--folds", 0, 0, 20)) : null,
            Threads = arguments.Whole("--threads", 0, 0, 256),
        };
    }
}
