using System.Globalization;

namespace SlideMesh.Prediction.Omics;

/// <summary>The omics features a fusion head was trained on, in the order of its input, with their training means and deviations.</summary>
internal sealed class OmicsScaling
{
    private readonly (string Name, double Mean, double Std)[] _features;

    public OmicsScaling(IEnumerable<(string Name, double Mean, double Std)> features) => _features = [.. features];

    public int Count => _features.Length;

    public IEnumerable<string> Names => _features.Select(f => f.Name);

    /// <summary>Reads a package's features file: header <c>name,mean,std</c>, a row a feature.</summary>
    /// <exception cref="PredictionException">The file is not such a table.</exception>
    public static OmicsScaling Read(string model, string path)
    {
        var features = new List<(string, double, double)>();
        try
        {
            bool header = true;
            foreach ((int line, string[] cells, bool malformed) in TableRows.Read(path))
            {
                if (header)
                {
                    header = false;
                    if (cells is not ["name", "mean", "std"])
                    {
                        break;
                    }
                }
                else if (cells is [{ Length: > 0 } name, var mean, var std] && !malformed
                    && TryFinite(mean, out double m) && TryFinite(std, out double s) && s >= 0)
                {
                    features.Add((name, m, s));
                }
                else
                {
                    throw Bad(model, path, $"line {line} is not name,mean,std");
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Bad(model, path, e.Message, e);
        }

        return features.Count > 0 ? new OmicsScaling(features) : throw Bad(model, path, "no header name,mean,std with rows below");
    }

    /// <summary>(x − mean) / std per feature, [G]; 0, the training mean, where the row has no value.</summary>
    /// <param name="found">Features that the row has.</param>
    public float[] Scale(OmicsRow row, out int found)
    {
        float[] scaled = new float[_features.Length];
        found = 0;
        for (int i = 0; i < scaled.Length; i++)
        {
            (string name, double mean, double std) = _features[i];
            if (row[name] is { } value)
            {
                found++;

                // A feature that was constant in training tells the model nothing.
                scaled[i] = std > 0 ? (float)((value - mean) / std) : 0;
            }
        }

        return scaled;
    }

    private static bool TryFinite(string text, out double value) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && double.IsFinite(value);

    private static PredictionException Bad(string model, string path, string what, Exception? inner = null) => new(
        PredictionFailureReason.PackageContract, model,
        $"{model}: the omics features file {Path.GetFileName(path)} cannot be used: {what}.", inner);
}
