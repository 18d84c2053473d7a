using System.Globalization;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Prediction.Heads;

/// <summary>A case's covariates as the numbers that a head's <c>covariates</c> input takes.</summary>
internal static class CovariateEncoding
{
    /// <param name="covariates">Of the package, in the order of the input's columns.</param>
    /// <param name="known">Manifest columns as text.</param>
    /// <param name="notes">Takes a line for each text that the model does not know.</param>
    public static float[] Encode(
        string model, IReadOnlyList<Covariate> covariates, IReadOnlyDictionary<string, string> known, List<string> notes)
    {
        float[] encoded = new float[covariates.Count];
        for (int i = 0; i < encoded.Length; i++)
        {
            Covariate covariate = covariates[i];
            string text = known.TryGetValue(covariate.Name, out string? given) ? given.Trim() : "";
            if (text.Length == 0)
            {
                encoded[i] = (float)covariate.Missing;
            }
            else if (TryEncode(covariate, text, out double number))
            {
                encoded[i] = (float)number;
            }
            else
            {
                encoded[i] = (float)covariate.Missing;
                string wanted = covariate.Values.Count == 0 ? "a number" : string.Join(" or ", covariate.Values.Keys.Order(StringComparer.Ordinal));
                notes.Add($"{model}: {covariate.Name} '{text}' is not {wanted}; taken as not known");
            }
        }

        return encoded;
    }

    /// <summary>Without a list of values the covariate is itself a number, e.g. age.</summary>
    private static bool TryEncode(Covariate covariate, string text, out double number)
    {
        if (covariate.Values.Count == 0)
        {
            return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out number) && double.IsFinite(number);
        }

        foreach ((string value, double encoded) in covariate.Values.OrderBy(v => v.Key, StringComparer.Ordinal))
        {
            if (string.Equals(value, text, StringComparison.OrdinalIgnoreCase))
            {
                number = encoded;
                return true;
            }
        }

        number = 0;
        return false;
    }
}
