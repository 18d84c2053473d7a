using SlideMesh.Inference.Packages;
using SlideMesh.Prediction;

namespace SlideMesh.Reporting.Html;

/// <summary>What was found and how sure it is: the cards at the top of a slide's report and the table behind them.</summary>
internal static class TaskSections
{
    private const int MostBars = 6;

    public static Markup Cards(IReadOnlyList<TaskPrediction> tasks)
    {
        HtmlBuilder html = new();
        html.Add($"<div class=\"cards\">\n");
        foreach (TaskPrediction task in tasks)
        {
            TaskAnswer answer = task.Final;
            html.Add($"<section class=\"card\">\n<h3 class=\"task\">{Wording.TaskTitle(task.Task)}</h3>\n");
            html.Add($"<p class=\"answer\">{Headline(task.Task, answer)}</p>\n");
            foreach (QuantityAnswer quantity in answer.Label is null ? answer.Quantities.Skip(1) : answer.Quantities)
            {
                html.Add($"<p class=\"quantity\">{Wording.Quantity(quantity)}</p>\n");
            }

            AddBars(html, task.Task, answer);
            html.Add($"<p class=\"sure\">{Sureness(task)}</p>\n</section>\n");
        }

        return html.Add($"</div>\n").ToMarkup();
    }

    public static Markup CertaintyTable(IReadOnlyList<TaskPrediction> tasks)
    {
        HtmlBuilder html = new();
        html.Add($"<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">Question</th><th scope=\"col\">Answer from</th>");
        html.Add($"<th scope=\"col\">Answer</th><th scope=\"col\" class=\"n\">Probability</th><th scope=\"col\" class=\"n\">Entropy</th></tr></thead>\n<tbody>\n");
        foreach (TaskPrediction task in tasks)
        {
            AddRow(html, task.Task, Wording.TaskTitle(task.Task), task.IsFused ? "slide and omics" : Together("slide alone", task), task.Final);
            if (task.IsFused && task.SlideOnly is { } alone)
            {
                AddRow(html, task.Task, "", Together("slide alone", task), alone);
            }

            if (task.Members.Count > 1)
            {
                foreach (MemberAnswer member in task.Members)
                {
                    AddRow(html, task.Task, "", member.Model, member.Answer, "member");
                }
            }
        }

        html.Add($"</tbody>\n</table></div>\n");
        html.Add($"<p class=\"soft small\">Probabilities carry each model's own calibration. Entropy is 0 when one answer has all the probability and 1 when all answers are equally likely.</p>\n");
        return html.ToMarkup();
    }

    /// <summary>Sure or not, fused or not, and whether the member models agree: one or two sentences.</summary>
    public static string Sureness(TaskPrediction task)
    {
        List<string> parts = [];
        if (task.Final.Uncertainty is { } entropy)
        {
            // Models that disagree make no clear answer, however low the entropy of their mean.
            string certainty = IsDisputed(task) ? "Unsure: the models disagree" : Wording.Certainty(entropy);
            parts.Add($"{certainty} (entropy {Wording.Number(entropy, "0.00")} of 1).");
        }

        if (task.IsFused)
        {
            parts.Add(task.SlideOnly is { } alone
                ? $"Slide and omics; slide alone: {Headline(task.Task, alone)}{ProbabilityInBrackets(alone)}."
                : "Slide and omics together; no model answers from the slide alone.");
        }

        if (Disagreement(task) is { } disagreement)
        {
            parts.Add(disagreement);
        }

        return string.Join(" ", parts);
    }

    private static bool IsDisputed(TaskPrediction task)
    {
        MemberAnswer[] voters = [.. task.Members.Where(m => m.Answer.Label is not null)];
        return voters.Count(m => m.Answer.Label != task.Final.Label) * 2 >= voters.Length && voters.Length > 1;
    }

    private static string? Disagreement(TaskPrediction task)
    {
        MemberAnswer[] voters = [.. task.Members.Where(m => m.Answer.Label is not null)];
        if (voters.Length < 2)
        {
            return null;
        }

        MemberAnswer[] others = [.. voters.Where(m => m.Answer.Label != task.Final.Label)];
        return others.Length == 0
            ? $"All {voters.Length} models agree."
            : $"{voters.Length - others.Length} of {voters.Length} models agree; " +
              string.Join(", ", others.Select(m => $"{m.Model} says {Wording.LabelText(task.Task, m.Answer.Label!)}")) + ".";
    }

    private static string Headline(string task, TaskAnswer answer) =>
        answer.Label is { } label ? Wording.LabelText(task, label)
        : answer.Quantities.Count > 0 ? Wording.Quantity(answer.Quantities[0])
        : "No answer";

    private static string ProbabilityInBrackets(TaskAnswer answer) =>
        answer.Probabilities.Count > 0 ? $" ({Wording.Percent(answer.Probabilities.Max())})" : "";

    private static void AddBars(HtmlBuilder html, string task, TaskAnswer answer)
    {
        if (answer.Probabilities.Count == 0)
        {
            return;
        }

        // Few or ordered labels keep their order; of many, the likeliest are shown.
        int[] order = [.. Enumerable.Range(0, answer.Labels.Count)];
        if (answer.Type == OutputType.Categorical)
        {
            order = [.. order.OrderByDescending(i => answer.Probabilities[i])];
        }

        html.Add($"<dl class=\"bars\">\n");
        foreach (int i in order.Take(MostBars))
        {
            string best = answer.Labels[i] == answer.Label ? " best" : "";
            string width = Wording.Number(answer.Probabilities[i] * 100, "0.#");
            html.Add($"<dt class=\"{best}\">{Wording.LabelText(task, answer.Labels[i])}</dt>");
            html.Add($"<dd class=\"bar{best}\" aria-hidden=\"true\"><i style=\"width:{width}%\"></i></dd>");
            html.Add($"<dd class=\"n\">{Wording.Percent(answer.Probabilities[i])}</dd>\n");
        }

        html.Add($"</dl>\n");
        if (order.Length > MostBars)
        {
            double rest = order.Skip(MostBars).Sum(i => answer.Probabilities[i]);
            html.Add($"<p class=\"sure\">{order.Length - MostBars} further answers together {Wording.Percent(rest)}.</p>\n");
        }
    }

    private static string Together(string source, TaskPrediction task) =>
        task.Members.Count > 1 && !task.IsFused ? $"{source}, {task.Members.Count} models together" : source;

    private static void AddRow(HtmlBuilder html, string task, string title, string source, TaskAnswer answer, string row = "")
    {
        string quantities = string.Join(", ", (answer.Label is null ? answer.Quantities.Skip(1) : answer.Quantities).Select(Wording.Quantity));
        string text = quantities.Length > 0 ? $"{Headline(task, answer)}, {quantities}" : Headline(task, answer);
        string probability = answer.Probabilities.Count > 0 ? Wording.Percent(answer.Probabilities.Max()) : "";
        string entropy = answer.Uncertainty is { } value ? Wording.Number(value, "0.00") : "";
        html.Add($"<tr class=\"{row}\"><th scope=\"row\">{title}</th><td>{source}</td><td>{text}</td><td class=\"n\">{probability}</td><td class=\"n\">{entropy}</td></tr>\n");
    }
}
