namespace SlideMesh.Mesh.Runs;

/// <summary>The commands that fill an output folder, as <c>run.json</c> names them.</summary>
public static class RunVerb
{
    /// <summary>Slides in; predictions, features, heatmaps and reports out.</summary>
    public const string Run = "run";

    /// <summary>Slides in; features out.</summary>
    public const string Embed = "embed";

    /// <summary>Features in; predictions, heatmaps and reports out.</summary>
    public const string Predict = "predict";
}
