using System.Globalization;
using System.Text.Json;
using SlideMesh.Synth.Cohorts;
using SlideMesh.Synth.Commands;
using SlideMesh.Synth.Scenes;

namespace SlideMesh.Synth.Tests;

public class CohortTests
{
    private static readonly IReadOnlyList<SyntheticCase> Cases = CohortPlan.Draw(300, seed: 7);

    [Fact]
    public void Draw_origins_and_grades_are_balanced()
    {
        Assert.All(Cases.GroupBy(c => c.Slide.Origin), group => Assert.Equal(50, group.Count()));
        Assert.All(Cases.GroupBy(c => c.Slide.Grade), group => Assert.Equal(50, group.Count()));
    }

    [Fact]
    public void Draw_shares_are_as_documented()
    {
        Assert.InRange(Cases.Count(c => c.TmbHigh) / 300.0, 0.3, 0.45);
        Assert.InRange(Cases.Count(c => c.Slide.Site == SpecimenSite.Metastatic) / 300.0, 0.28, 0.42);
        Assert.All(Cases.Where(c => c.Slide.Origin == Origin.Prostate), c => Assert.Equal(PatientSex.M, c.Sex));
    }

    [Fact]
    public void Draw_same_seed_same_cohort_and_unique_ids()
    {
        Assert.Equal(Cases, CohortPlan.Draw(300, seed: 7));
        Assert.Equal(300, Cases.Select(c => c.SlideId).Distinct().Count());
        Assert.Equal(300, Cases.Select(c => c.Slide.Seed).Distinct().Count());
        Assert.Empty(Cases.Select(c => c.CaseId).Intersect(CohortPlan.Draw(300, seed: 8).Select(c => c.CaseId)));
    }

    [Fact]
    public void Csv_cohort_has_a_row_a_slide()
    {
        string[] lines = CohortWriter.ToCsv(Cases).TrimEnd('\n').Split('\n');
        Assert.Equal("slide,slide_id,case_id,sex,age,origin,site,grade,tmb,tmb_high", lines[0]);
        Assert.Equal(301, lines.Length);
        Assert.All(lines, line => Assert.Equal(10, line.Split(',').Length));
        string[] first = lines[1].Split(',');
        Assert.Equal($"slides/{first[1]}.tiff", first[0]);
        Assert.Equal(double.Parse(first[8], CultureInfo.InvariantCulture) >= 10 ? "1" : "0", first[9]);
    }

    [Fact]
    public void Csv_omics_is_rectangular_with_some_cases_and_cells_missing()
    {
        string[][] rows = Omics(Cases, 7);
        Assert.All(rows, row => Assert.Equal(201, row.Length));
        Assert.InRange(rows.Length - 1, 230, 280);
        Assert.InRange(rows.Skip(1).Sum(row => row.Count(cell => cell.Length == 0)), 50, 300);
        Assert.Equal(OmicsTable.ToCsv(Cases, 7), OmicsTable.ToCsv(Cases, 7));
    }

    [Fact]
    public void Csv_omics_genes_mean_the_same_in_every_cohort()
    {
        IReadOnlyList<SyntheticCase> others = CohortPlan.Draw(300, seed: 8);
        double[] here = GradeSlopes(Cases, 7);
        double[] there = GradeSlopes(others, 8);
        Assert.InRange(Correlation(here, there), 0.8, 1);
    }

    [Fact]
    public void Write_folder_holds_tables_slides_and_truth()
    {
        string folder = Directory.CreateTempSubdirectory("synth-").FullName;
        try
        {
            IReadOnlyList<SyntheticCase> few = CohortPlan.Draw(3, seed: 7, size: 512);
            CohortWriter.Write(folder, few, 7);
            Assert.Equal(["SYN-07-0001.tiff", "SYN-07-0002.tiff", "SYN-07-0003.tiff"], Names(folder, "slides"));
            Assert.Equal(["SYN-07-0001.json", "SYN-07-0002.json", "SYN-07-0003.json"], Names(folder, "truth"));
            using JsonDocument truth = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "truth", "SYN-07-0001.json")));
            Assert.Equal(few[0].Slide.Origin.ToString(), truth.RootElement.GetProperty("origin").GetString());
            Assert.Equal(4, truth.RootElement.GetProperty("cells").GetArrayLength());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Cohort_tables_only_writes_the_tables_of_the_painting_run_and_no_slide()
    {
        string folder = Directory.CreateTempSubdirectory("synth-").FullName;
        try
        {
            string painted = Path.Combine(folder, "painted");
            string tables = Path.Combine(folder, "tables");
            SynthCommands.Cohort(["--out", painted, "--slides", "2", "--seed", "7", "--size", "256"]);
            SynthCommands.Cohort(["--tables-only", "--out", tables, "--slides", "2", "--seed", "7", "--size", "256"]);
            Assert.Equal(["cohort.csv", "omics.csv"], Directory.GetFileSystemEntries(tables).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
            Assert.All(["cohort.csv", "omics.csv"], table => Assert.Equal(File.ReadAllBytes(Path.Combine(painted, table)), File.ReadAllBytes(Path.Combine(tables, table))));
            Assert.All(File.ReadLines(Path.Combine(tables, "cohort.csv")).Skip(1), row => Assert.True(File.Exists(Path.Combine(painted, row.Split(',')[0]))));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Arguments_flag_takes_no_value_wherever_it_stands()
    {
        foreach (string[] line in (string[][])[["--a", "--n", "3"], ["--n", "3", "--a"]])
        {
            Arguments arguments = new(line, ["--a"], "--n");
            Assert.True(arguments.Has("--a"));
            Assert.Equal(3, arguments.Whole("--n", 0, 0, 9));
        }
    }

    [Theory]
    [InlineData("--grade", "7", "whole number from 0 to 5")]
    [InlineData("--grades", "3", "Unknown option")]
    [InlineData("--grade", null, "needs a value")]
    public void Arguments_that_make_no_sense_are_refused_in_one_line(string name, string? value, string expected)
    {
        UsageException refused = Assert.Throws<UsageException>(
            () => new Arguments(value is null ? [name] : [name, value], "--grade").Whole("--grade", 0, 0, 5));
        Assert.Contains(expected, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
    }

    private static string[] Names(string folder, string part) =>
        [.. Directory.GetFiles(Path.Combine(folder, part)).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    private static string[][] Omics(IReadOnlyList<SyntheticCase> cases, ulong seed) =>
        [.. OmicsTable.ToCsv(cases, seed).TrimEnd('\n').Split('\n').Select(line => line.Split(','))];

    /// <summary>Correlation of each of the genes 61 to 100 with the grade.</summary>
    private static double[] GradeSlopes(IReadOnlyList<SyntheticCase> cases, ulong seed)
    {
        Dictionary<string, int> grades = cases.ToDictionary(c => c.CaseId, c => c.Slide.Grade);
        string[][] rows = Omics(cases, seed)[1..];
        return [.. Enumerable.Range(61, 40).Select(gene =>
        {
            string[][] present = [.. rows.Where(row => row[gene].Length > 0)];
            return Correlation(
                [.. present.Select(row => double.Parse(row[gene], CultureInfo.InvariantCulture))], [.. present.Select(row => (double)grades[row[0]])]);
        })];
    }

    private static double Correlation(double[] a, double[] b)
    {
        double meanA = a.Average();
        double meanB = b.Average();
        double covariance = a.Zip(b, (x, y) => (x - meanA) * (y - meanB)).Sum();
        return covariance / Math.Sqrt(a.Sum(x => (x - meanA) * (x - meanA)) * b.Sum(y => (y - meanB) * (y - meanB)));
    }
}
