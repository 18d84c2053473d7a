using System.Globalization;

namespace SlideMesh.Cli.Commands;

/// <summary>Sizes as people write them: <c>200GB</c> (thousands), <c>500GiB</c> (1024s), <c>1.5 TB</c>, plain bytes.</summary>
internal static class ByteSize
{
    private static readonly (string Unit, double Bytes)[] Units =
    [
        ("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("TiB", 1L << 40),
        ("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("K", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12), ("B", 1),
    ];

    /// <summary>Null when it is no size, or less than a byte.</summary>
    public static long? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        (string unit, double factor) = Units.FirstOrDefault(u => text.EndsWith(u.Unit, StringComparison.OrdinalIgnoreCase), ("", 1));
        string number = text[..^unit.Length].Trim();
        return double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value) && value * factor is >= 1 and < 1e18
            ? (long)(value * factor)
            : null;
    }
}
