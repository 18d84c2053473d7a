using SlideMesh.Inference.Packages;

namespace SlideMesh.Models.Architectures.Heads;

/// <summary>What a head's outputs are called, from what the user said.</summary>
internal static class HeadAnswers
{
    public const string Logits = "logits";

    private const string UsualTask = "class";

    /// <summary>A class answer over <paramref name="count"/> logits, binary for one.</summary>
    /// <param name="attention">Column of the attention, null when there is none.</param>
    /// <param name="perClass">Column of each class, null when classes share one or have none.</param>
    public static TaskOutput Classes(
        ImportOptions options, long count, int? attention, int[]? perClass = null, string tensor = Logits, string usualTask = UsualTask, IReadOnlyList<string>? usualLabels = null)
    {
        int labels = count == 1 ? 2 : checked((int)count);
        IReadOnlyList<string> names = Labels(options.Classes, labels, usualLabels);
        return new TaskOutput
        {
            Task = options.Task ?? usualTask,
            Tensor = tensor,
            Type = count == 1 ? OutputType.Binary : OutputType.Categorical,
            Labels = names,
            Attention = attention,
            AttentionMaps = perClass is null ? [] : Maps(names, perClass),
        };
    }

    /// <summary>Discrete hazards over <paramref name="intervals"/> intervals; labels are the intervals and what lies beyond.</summary>
    public static TaskOutput Hazards(ImportOptions options, long intervals, int? attention, IReadOnlyList<AttentionMap>? maps = null)
    {
        string[] usual = [.. Enumerable.Range(1, checked((int)intervals)).Select(i => $"interval {i}"), "later"];
        return new TaskOutput
        {
            Task = options.Task ?? "survival",
            Tensor = Logits,
            Type = OutputType.Hazards,
            Labels = Labels(options.Classes, usual.Length, usual),
            Attention = attention,
            AttentionMaps = maps ?? [],
        };
    }

    public static IReadOnlyList<string> Labels(IReadOnlyList<string> given, int count, IReadOnlyList<string>? usual = null)
    {
        if (given.Count > 0)
        {
            return given.Count == count
                ? given
                : throw new ImportOptionException($"--classes names {given.Count}, this model has {count}: name each, in the order of its outputs.");
        }

        return usual?.Count == count ? usual : count == 2 && usual is null ? ["class 0", "class 1"] : [.. Enumerable.Range(0, count).Select(i => $"class {i}")];
    }

    /// <summary>A map a label; names are the labels as file names take them, with the column where two would be the same.</summary>
    public static IReadOnlyList<AttentionMap> Maps(IReadOnlyList<string> labels, int[] columns)
    {
        List<AttentionMap> maps = [];
        for (int i = 0; i < columns.Length; i++)
        {
            string name = Slug(labels[i]);
            maps.Add(new AttentionMap(name.Length == 0 || maps.Any(m => m.Name == name) ? $"{name}{(name.Length > 0 ? "-" : "")}{i}" : name, columns[i]));
        }

        return maps;
    }

    /// <summary>Letters and digits in lower case, everything else a hyphen.</summary>
    public static string Slug(string label) =>
        string.Join('-', new string([.. label.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) ? c : ' ')]).Split(' ', StringSplitOptions.RemoveEmptyEntries));
}
