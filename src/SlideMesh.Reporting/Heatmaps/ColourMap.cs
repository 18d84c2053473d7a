using System.Globalization;

namespace SlideMesh.Reporting.Heatmaps;

public readonly record struct Rgb(byte R, byte G, byte B);

/// <summary>
/// Colours for a number from 0 to 1: 256 steps, as matplotlib's tables have. Viridis (S. van der Walt, N. Smith; CC0) and coolwarm
/// (K. Moreland, "Diverging Color Maps for Scientific Visualization", 2009) keep every fifth colour of the published 256 and
/// interpolate between them, at most 2/255 off; jet is its piecewise linear definition.
/// </summary>
public sealed class ColourMap
{
    private const int Steps = 256;

    private readonly Rgb[] _table;

    private ColourMap(string name, Rgb[] table)
    {
        Name = name;
        _table = table;
    }

    /// <summary>Even in lightness and safe for colour-blind readers: the default.</summary>
    public static ColourMap Viridis { get; } = FromAnchors(
        "viridis",
        "440154 46085c 471063 481769 481d6f 482475 472a7a 46307e 453781 433d84 414287 3f4889 3d4e8a 3a538b 38598c 355e8d 33638d 31688e " +
        "2e6d8e 2c718e 2a768e 297b8e 27808e 25848e 23898e 218e8d 20928c 1f978b 1e9c89 1fa188 21a585 24aa83 28ae80 2eb37c 35b779 3dbc74 " +
        "46c06f 50c46a 5ac864 65cb5e 70cf57 7cd250 89d548 95d840 a2da37 b0dd2f bddf26 cae11f d8e219 e5e419 f1e51d fde725");

    /// <summary>CLAM's choice.</summary>
    public static ColourMap Jet { get; } = new(
        "jet",
        [.. Enumerable.Range(0, Steps).Select(i => new Rgb(
            Piecewise(i, (0, 0), (0.35, 0), (0.66, 1), (0.89, 1), (1, 0.5)),
            Piecewise(i, (0, 0), (0.125, 0), (0.375, 1), (0.64, 1), (0.91, 0), (1, 0)),
            Piecewise(i, (0, 0.5), (0.11, 1), (0.34, 1), (0.65, 0), (1, 0))))]);

    /// <summary>TRIDENT's choice.</summary>
    public static ColourMap Coolwarm { get; } = FromAnchors(
        "coolwarm",
        "3b4cc0 4055c8 465ecf 4c66d6 536edd 5977e3 5f7fe8 6687ed 6c8ff1 7396f5 7a9df8 81a4fb 88abfd 8fb1fe 96b7ff 9dbdff a3c2fe aac7fd " +
        "b1cbfc b7cff9 bed2f6 c4d5f3 cad8ef cfdaea d5dbe5 dadce0 dfdbd9 e4d9d2 e9d5cb edd2c3 f0cdbb f2c9b4 f5c4ac f6bea4 f7b89c f7b194 " +
        "f7aa8c f6a385 f59c7d f39475 f08b6e ed8366 e97a5f e57058 e16751 dc5d4a d65244 d0473d ca3b37 c32e31 bb1b2c b40426");

    public string Name { get; }

    /// <summary>The colour of <paramref name="value"/>, clamped to 0 … 1.</summary>
    public Rgb this[double value] => _table[(int)Math.Min(Math.Clamp(value, 0, 1) * Steps, Steps - 1)];

    /// <summary>By name: <c>viridis</c>, <c>jet</c>, <c>coolwarm</c>; null when there is no such map.</summary>
    public static ColourMap? Find(string name) =>
        new[] { Viridis, Jet, Coolwarm }.FirstOrDefault(m => m.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    private static ColourMap FromAnchors(string name, string hex)
    {
        int[] anchors = [.. hex.Split(' ').Select(h => int.Parse(h, NumberStyles.HexNumber, CultureInfo.InvariantCulture))];
        Rgb[] table = new Rgb[Steps];
        for (int i = 0; i < Steps; i++)
        {
            double position = i * (anchors.Length - 1) / (double)(Steps - 1);
            int lower = Math.Min((int)position, anchors.Length - 2);
            double share = position - lower;
            byte Channel(int shift) => (byte)Math.Round(
                (((anchors[lower] >> shift) & 0xFF) * (1 - share)) + (((anchors[lower + 1] >> shift) & 0xFF) * share));
            table[i] = new Rgb(Channel(16), Channel(8), Channel(0));
        }

        return new ColourMap(name, table);
    }

    private static byte Piecewise(int step, params ReadOnlySpan<(double At, double Value)> points)
    {
        double x = step / (double)(Steps - 1);
        int i = 1;
        while (x > points[i].At)
        {
            i++;
        }

        double share = (x - points[i - 1].At) / (points[i].At - points[i - 1].At);
        return (byte)Math.Round(255 * (points[i - 1].Value + (share * (points[i].Value - points[i - 1].Value))));
    }
}
