using SlideMesh.Inference.Packages;
using SlideMesh.Models.Checkpoints;
using SlideMesh.Models.Graphs;

namespace SlideMesh.Models.Architectures.Encoders;

/// <summary>
/// An encoder with its own class layer, as a tile classifier: <c>scores</c> are the softmax over classes, and the slide's probabilities
/// are the mean of its tiles' (the summary's first number of each class).
/// </summary>
internal static class TileClassifierDesign
{
    private const string DefaultTask = "class";

    /// <exception cref="ImportOptionException">The checkpoint has no class layer, or another number of classes.</exception>
    public static ModelDesign Of(EncoderGraph encoder, StateDict weights, GraphValue features, int dimension, string? classLayer, ImportOptions options, string description)
    {
        if (classLayer is null || !weights.Has($"{classLayer}.weight"))
        {
            throw new ImportOptionException("--classes: this checkpoint has no class layer; leave them out to import it as an encoder.");
        }

        IReadOnlyList<string> labels = options.Classes;
        long classes = weights.Extent($"{classLayer}.weight", 0);
        if (classes != labels.Count || classes < 2)
        {
            throw new ImportOptionException($"--classes names {labels.Count} classes, the checkpoint's class layer has {classes}; at least two are needed.");
        }

        OnnxGraph g = encoder.Graph;
        GraphValue logits = g.Linear(features, weights.Take($"{classLayer}.weight", classes, dimension), weights.Take($"{classLayer}.bias", classes));
        g.Output("scores", g.Softmax(logits), -1, classes);
        string task = options.Task ?? DefaultTask;
        return new ModelDesign
        {
            Kind = ModelKind.TileClassifier,
            Graphs = new Dictionary<string, OnnxGraph> { [GraphRole.Tile] = g, [GraphRole.Summary] = Summary(classes) },
            TileOutput = new TileOutput(task, "scores", labels, "probability"),
            Outputs = [new TaskOutput { Task = task, Tensor = "logits", Type = OutputType.Categorical, Labels = labels }],
            Description = $"{description}, {classes} classes.",
        };
    }

    // Logits whose softmax is the mean score of each class; 1e-9 keeps the logarithm of a class that no tile shows.
    private static OnnxGraph Summary(long classes)
    {
        OnnxGraph g = new("mean-of-tiles");
        GraphValue summary = g.Reshape(g.Input("summary", 1, classes * GraphRole.SummaryPerClass), 1, classes, GraphRole.SummaryPerClass);
        GraphValue means = g.Reshape(g.Slice(summary, 2, 0, 1), 1, classes);
        g.Output("logits", g.Node("Log", [g.Add(means, g.Scalar(1e-9f))]), 1, classes);
        return g;
    }
}
