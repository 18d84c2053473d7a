using System.Globalization;
using System.Text;
using SlideMesh.Synth.Scenes;

namespace SlideMesh.Synth.Cohorts;

/// <summary>
/// Writes a cohort as a folder: cohort.csv, omics.csv, slides/&lt;id&gt;.tiff, truth/&lt;id&gt;.json. The tables come first, so that a
/// reader can see what is coming; each slide appears under its name only when it is whole.
/// </summary>
public static class CohortWriter
{
    /// <param name="progress">Told after each slide.</param>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public static void Write(string folder, IReadOnlyList<SyntheticCase> cases, ulong seed, Action<int, SyntheticCase>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(cases);
        Directory.CreateDirectory(Path.Combine(folder, "slides"));
        Directory.CreateDirectory(Path.Combine(folder, "truth"));
        WriteTables(folder, cases, seed);
        for (int i = 0; i < cases.Count; i++)
        {
            SyntheticCase patient = cases[i];
            string path = Path.Combine(folder, SlidePath(patient));
            SlideTruth truth = SlideGenerator.Write(path + ".part", patient.Slide);
            File.WriteAllText(Path.Combine(folder, "truth", patient.SlideId + ".json"), truth.ToJson());
            File.Move(path + ".part", path, overwrite: true);
            progress?.Invoke(i, patient);
        }
    }

    /// <summary>Writes cohort.csv and omics.csv only; the column <c>slide</c> names the files that <see cref="Write"/> would paint.</summary>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public static void WriteTables(string folder, IReadOnlyList<SyntheticCase> cases, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(cases);
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "cohort.csv"), ToCsv(cases));
        File.WriteAllText(Path.Combine(folder, "omics.csv"), OmicsTable.ToCsv(cases, seed));
    }

    /// <summary>One row a slide; <c>slide</c> is relative to the table, <c>tmb_high</c> is 0 or 1.</summary>
    public static string ToCsv(IReadOnlyList<SyntheticCase> cases)
    {
        ArgumentNullException.ThrowIfNull(cases);
        StringBuilder csv = new("slide,slide_id,case_id,sex,age,origin,site,grade,tmb,tmb_high\n");
        foreach (SyntheticCase patient in cases)
        {
            SlideParameters slide = patient.Slide;
            csv.Append(CultureInfo.InvariantCulture, $"{SlidePath(patient)},{patient.SlideId},{patient.CaseId},{patient.Sex},{patient.Age},");
            csv.Append(CultureInfo.InvariantCulture, $"{slide.Origin},{slide.Site},{slide.Grade},{slide.Tmb:0.##},{(patient.TmbHigh ? 1 : 0)}\n");
        }

        return csv.ToString();
    }

    private static string SlidePath(SyntheticCase patient) => $"slides/{patient.SlideId}.tiff";
}
