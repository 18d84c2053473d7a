using SlideMesh.Inference.Packages;

namespace SlideMesh.Prediction.Outputs;

/// <summary>
/// One answer from several models of a task. Probabilities: weighted arithmetic mean (a linear opinion pool, as deep ensembles
/// use). Quantities: weighted mean of the raw outputs, transformed afterwards, so that a pow10 quantity gets the geometric mean: the
/// models were fitted on its logarithm, and one model that is ten times too high moves three by 2.2 instead of by 4 times.
/// Image2TMB's three magnifications are three members of the task tmb.
/// </summary>
internal static class Ensemble
{
    /// <summary>Hazards: minus the sum of the survival curve over the intervals, as MCAT and PORPOISE rank patients (higher is worse).</summary>
    private const string RiskQuantity = "risk";

    /// <summary>Checks that the models' outputs can be averaged.</summary>
    /// <exception cref="PredictionException">They cannot; the message names both models and what differs.</exception>
    public static void Check(IEnumerable<(string Model, IReadOnlyList<TaskOutput> Outputs)> models)
    {
        var classifiers = new Dictionary<string, (string Model, TaskOutput Output)>(StringComparer.Ordinal);
        var kinds = new Dictionary<string, (string Model, TaskOutput Output)>(StringComparer.Ordinal);
        var regressions = new Dictionary<(string Task, string Quantity), (string Model, TaskOutput Output)>();
        foreach ((string model, IReadOnlyList<TaskOutput> outputs) in models)
        {
            foreach (TaskOutput output in outputs)
            {
                CheckAlone(model, output, outputs);
                if (output.Type == OutputType.Regression)
                {
                    foreach (string quantity in output.QuantityNames())
                    {
                        CheckAgainst(model, output, regressions, (output.Task, quantity), o => $"{o.Unit} ({o.Transform})", "unit and transform");
                    }
                }
                else
                {
                    CheckAgainst(model, output, classifiers, output.Task, o => string.Join(", ", o.Labels), "labels");
                    CheckAgainst(model, output, kinds, output.Task, o => o.Type == OutputType.Hazards ? "hazards" : "classes", "kind of answer");
                }
            }
        }
    }

    /// <param name="members">At least one; compatible as by <see cref="Check"/>.</param>
    public static TaskAnswer Combine(IReadOnlyList<ModelOpinion> members)
    {
        ModelOpinion[] classifiers = [.. members.Where(m => m.Labels.Count > 0)];
        QuantityAnswer[] quantities =
        [
            .. members.SelectMany(m => m.Quantities).GroupBy(q => q.Name, StringComparer.Ordinal).Select(MeanQuantity),
        ];
        if (classifiers.Length == 0)
        {
            return new TaskAnswer { Type = OutputType.Regression, Quantities = quantities };
        }

        double[] p = MeanProbabilities(classifiers);
        OutputType type = classifiers[0].Type;
        double[] survival = type == OutputType.Hazards ? Survival(p) : [];
        return new TaskAnswer
        {
            Type = type,
            Labels = classifiers[0].Labels,
            Probabilities = p,
            Label = classifiers[0].Labels[OutputReader.ArgMax(p)],
            Expected = type == OutputType.Ordinal ? p.Select((value, k) => k * value).Sum() : null,
            Uncertainty = OutputReader.NormalisedEntropy(p),
            Survival = survival,
            Quantities = survival.Length > 0 ? [new QuantityAnswer(RiskQuantity, -survival.Sum(), ""), .. quantities] : quantities,
        };
    }

    /// <summary>Probability to be free of the event after each interval. Averaging probabilities averages these curves too.</summary>
    private static double[] Survival(double[] probabilities)
    {
        double[] survival = new double[probabilities.Length - 1];
        double after = probabilities[^1];
        for (int j = survival.Length - 1; j >= 0; j--)
        {
            survival[j] = after;
            after += probabilities[j];
        }

        return survival;
    }

    private static double[] MeanProbabilities(ModelOpinion[] members)
    {
        if (members.Length == 1)
        {
            return [.. members[0].Probabilities];
        }

        double[] mean = new double[members[0].Labels.Count];
        double total = members.Sum(m => m.Weight);
        foreach (ModelOpinion member in members)
        {
            for (int k = 0; k < mean.Length; k++)
            {
                mean[k] += member.Weight / total * member.Probabilities[k];
            }
        }

        return mean;
    }

    private static QuantityAnswer MeanQuantity(IGrouping<string, RawQuantity> members)
    {
        RawQuantity first = members.First();
        double total = members.Sum(m => m.Weight);
        double raw = members.Count() == 1 ? first.Raw : members.Sum(m => m.Weight / total * m.Raw);
        return new QuantityAnswer(first.Name, (first with { Raw = raw }).Value, first.Unit);
    }

    private static void CheckAlone(string model, TaskOutput output, IReadOnlyList<TaskOutput> all)
    {
        string? fault = output switch
        {
            { Weight: not (> 0 and < double.PositiveInfinity) } => "its weight must be above 0",
            { Temperature: not (> 0 and < double.PositiveInfinity) } => "its temperature must be above 0",
            { Type: OutputType.Regression, Transform: not (RawQuantity.NoTransform or RawQuantity.PowerOfTen) } =>
                $"transform '{output.Transform}' is not known (none, pow10)",
            { Type: OutputType.Binary, Labels.Count: not 2 } => "a binary output has two labels",
            { Type: OutputType.Categorical or OutputType.Ordinal or OutputType.Hazards, Labels.Count: < 2 } => "it needs at least two labels",
            _ when all.Any(o => !ReferenceEquals(o, output) && o.Task == output.Task && SameAnswer(o, output)) => "it is answered twice",
            _ => null,
        };
        if (fault is not null)
        {
            throw new PredictionException(
                PredictionFailureReason.PackageContract, model, $"{model}: task '{output.Task}': {fault}; correct the package's model.json.");
        }
    }

    private static bool SameAnswer(TaskOutput a, TaskOutput b) =>
        a.Type == OutputType.Regression
            ? b.Type == OutputType.Regression && a.QuantityNames().Intersect(b.QuantityNames()).Any()
            : b.Type != OutputType.Regression;

    private static void CheckAgainst<TKey>(
        string model, TaskOutput output, Dictionary<TKey, (string Model, TaskOutput Output)> known, TKey key,
        Func<TaskOutput, string> aspect, string what)
        where TKey : notnull
    {
        if (!known.TryAdd(key, (model, output)) && aspect(known[key].Output) is var other && other != aspect(output))
        {
            throw new PredictionException(
                PredictionFailureReason.IncompatibleModels, model,
                $"Models '{known[key].Model}' and '{model}' both answer task '{output.Task}' but differ in {what}: {other} against {aspect(output)}; leave one of them out.");
        }
    }
}
