using SlideMesh.Inference.Packages;
using SlideMesh.Prediction;

namespace SlideMesh.Reporting.Tables;

/// <summary>
/// <c>slides.csv</c>: a row per slide. Fixed columns first, then <c>tiles_&lt;stream&gt;</c> for every stream of the run, then the columns of
/// every task that any slide has an answer on: grade, tmb, origin, site, then others by name. Cells that do not apply are empty.
/// </summary>
public static class SlidesTable
{
    private static readonly string[] FixedColumns =
    [
        "slide_id", "case_id", "path", "state", "reason", "detail", "mpp", "mpp_source", "width", "height", "tissue_mm2",
        "tiles_unreadable", "tiles_left_out", "omics",
    ];

    private static readonly string[] KnownTasks = ["grade", "tmb", "origin", "site"];

    /// <param name="slides">In the order of the run.</param>
    public static void Write(Stream destination, IReadOnlyList<SlideSummary> slides)
    {
        ArgumentNullException.ThrowIfNull(slides);
        string[] streams = [.. slides.SelectMany(s => s.Streams).Select(s => s.Id).Distinct().Order(StringComparer.Ordinal)];
        List<(string Name, Func<SlideSummary, object?> Cell)> columns = [];
        foreach (string task in OrderedTasks(slides))
        {
            TaskPrediction[] answers = [.. slides.SelectMany(s => s.Tasks).Where(t => t.Task == task)];
            foreach ((string name, Func<TaskPrediction, object?> cell) in TaskColumns(task, answers))
            {
                columns.Add((name, slide => slide.Tasks.FirstOrDefault(t => t.Task == task) is { } answer ? cell(answer) : null));
            }
        }

        string[] header = [.. FixedColumns, .. streams.Select(s => "tiles_" + s), .. columns.Select(c => c.Name)];
        CsvTable.Write(destination, header, slides.Select(slide => (IReadOnlyList<object?>)
        [
            .. FixedCells(slide),
            .. streams.Select(id => (object?)slide.Streams.FirstOrDefault(s => s.Id == id)?.Used),
            .. columns.Select(c => c.Cell(slide)),
        ]));
    }

    private static object?[] FixedCells(SlideSummary slide) =>
    [
        slide.SlideId,
        slide.CaseId,
        new CsvTable.FreeText(slide.Path),
        KebabCase.Of(slide.State),
        slide.Reason,
        new CsvTable.FreeText(slide.Detail),
        slide.MicronsPerPixel?.Mean,
        slide.MicronsPerPixel is { } mpp ? KebabCase.Of(mpp.Source) : null,
        slide.Width,
        slide.Height,
        slide.TissueMm2,
        slide.Streams.Count == 0 || slide.FeatureFiles.Count > 0 ? null : slide.Streams.Sum(s => s.Unreadable),
        slide.Streams.Count == 0 || slide.FeatureFiles.Count > 0 ? null : slide.Streams.Sum(s => s.LeftOut.Values.Sum()),
        slide.Omics is { } omics ? KebabCase.Of(omics.Status) : null,
    ];

    private static IEnumerable<string> OrderedTasks(IReadOnlyList<SlideSummary> slides)
    {
        HashSet<string> tasks = [.. slides.SelectMany(s => s.Tasks).Select(t => t.Task)];
        return [.. KnownTasks.Where(tasks.Contains), .. tasks.Except(KnownTasks).Order(StringComparer.Ordinal)];
    }

    private static IEnumerable<(string Name, Func<TaskPrediction, object?> Cell)> TaskColumns(string task, TaskPrediction[] answers)
    {
        bool hasLabels = answers.Any(a => a.Final.Label is not null);
        if (hasLabels)
        {
            yield return (task, a => a.Final.Label);
            yield return (task + "_slide_only", a => a.SlideOnly?.Label);
        }

        if (answers.Any(a => a.Final.Expected is not null))
        {
            yield return (task + "_expected", a => a.Final.Expected);
            yield return (task + "_expected_slide_only", a => a.SlideOnly?.Expected);
        }

        if (answers.Any(a => a.Final.Type == OutputType.Binary))
        {
            string name = task == "tmb" ? "tmb_high_probability" : task + "_probability";
            yield return (name, a => Positive(a.Final));
            yield return (name + "_slide_only", a => a.SlideOnly is { } alone ? Positive(alone) : null);
        }
        else if (answers.Any(a => a.Final.Type == OutputType.Categorical))
        {
            yield return (task + "_probability", a => Highest(a.Final));
            yield return (task + "_probability_slide_only", a => a.SlideOnly is { } alone ? Highest(alone) : null);
        }

        foreach (string quantity in answers.SelectMany(a => a.Final.Quantities).Select(q => q.Name).Distinct().Order(StringComparer.Ordinal))
        {
            string name = QuantityColumn(task, quantity);
            yield return (name, a => Quantity(a.Final, quantity));
            yield return (name + "_slide_only", a => a.SlideOnly is { } alone ? Quantity(alone, quantity) : null);
        }

        foreach (string label in answers.SelectMany(a => a.Final.Labels).Distinct())
        {
            yield return ($"{task}_p_{label}", a => ProbabilityOf(a.Final, label));
        }

        if (hasLabels)
        {
            yield return (task + "_uncertainty", a => a.Final.Uncertainty);
        }

        yield return (task + "_fused", a => a.IsFused);
    }

    // Mutations per megabase keep their name whatever a package calls its only quantity of the tmb task.
    private static string QuantityColumn(string task, string quantity)
    {
        string name = quantity.Replace('-', '_').Replace(' ', '_').Replace('/', '_');
        return task == "tmb" && name.Contains("mut", StringComparison.OrdinalIgnoreCase) ? "mutations_per_mb" : $"{task}_{name}";
    }

    private static double? Positive(TaskAnswer answer) => answer.Probabilities.Count == 2 ? answer.Probabilities[1] : null;

    private static double? Highest(TaskAnswer answer) => answer.Probabilities.Count == 0 ? null : answer.Probabilities.Max();

    private static double? Quantity(TaskAnswer answer, string name) => answer.Quantities.FirstOrDefault(q => q.Name == name)?.Value;

    private static double? ProbabilityOf(TaskAnswer answer, string label)
    {
        int index = answer.Labels.ToList().IndexOf(label);
        return index < 0 ? null : answer.Probabilities[index];
    }
}
