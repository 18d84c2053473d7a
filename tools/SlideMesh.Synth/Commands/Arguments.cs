using System.Globalization;

namespace SlideMesh.Synth.Commands;

/// <summary>Options of the form <c>--name value</c>, or <c>--name</c> for a flag. Unknown or malformed ones are refused in one line.</summary>
internal sealed class Arguments
{
    private readonly Dictionary<string, string> _values = [];

    /// <exception cref="UsageException">Not of that form, or not among <paramref name="known"/>.</exception>
    internal Arguments(ReadOnlySpan<string> arguments, params string[] known)
        : this(arguments, [], known)
    {
    }

    /// <param name="flags">Options without a value.</param>
    /// <exception cref="UsageException">Not of that form, or neither among <paramref name="flags"/> nor <paramref name="known"/>.</exception>
    internal Arguments(ReadOnlySpan<string> arguments, string[] flags, params string[] known)
    {
        for (int i = 0; i < arguments.Length; i++)
        {
            string name = arguments[i];
            if (flags.Contains(name))
            {
                _values[name] = "";
                continue;
            }

            if (!known.Contains(name))
            {
                throw new UsageException($"Unknown option '{name}'; known here: {string.Join(", ", [.. known, .. flags])}.");
            }

            if (++i >= arguments.Length)
            {
                throw new UsageException($"{name} needs a value.");
            }

            _values[name] = arguments[i];
        }
    }

    internal bool Has(string name) => _values.ContainsKey(name);

    internal string Text(string name) => _values.TryGetValue(name, out string? value) ? value : throw new UsageException($"{name} is missing.");

    internal int Whole(string name, int otherwise, int low, int high)
    {
        if (!_values.TryGetValue(name, out string? text))
        {
            return otherwise;
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value >= low && value <= high
            ? value
            : throw new UsageException($"{name} is '{text}'; it must be a whole number from {low} to {high}.");
    }

    internal ulong Seed(string name) => _values.TryGetValue(name, out string? text)
        ? ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value) ? value : throw new UsageException($"{name} is '{text}'; it must be a whole number.")
        : 1;

    internal double Number(string name, double otherwise)
    {
        if (!_values.TryGetValue(name, out string? text))
        {
            return otherwise;
        }

        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value > 0 && double.IsFinite(value)
            ? value
            : throw new UsageException($"{name} is '{text}'; it must be a number above 0.");
    }

    internal T Choice<T>(string name, T otherwise)
        where T : struct, Enum
    {
        if (!_values.TryGetValue(name, out string? text))
        {
            return otherwise;
        }

        return Enum.TryParse(text, ignoreCase: true, out T value) && !int.TryParse(text, out _)
            ? value
            : throw new UsageException($"{name} is '{text}'; it must be one of {string.Join(", ", Enum.GetNames<T>())}.");
    }
}

/// <summary>A command line that cannot be understood; the message is for the user.</summary>
internal sealed class UsageException(string message) : Exception(message);
