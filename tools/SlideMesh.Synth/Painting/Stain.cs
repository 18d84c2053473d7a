namespace SlideMesh.Synth.Painting;

/// <summary>
/// One slide's staining: turns amounts of haematoxylin and eosin (0 to 255, hundredths of an optical density unit) into RGB by
/// Beer and Lambert's law. Mean stain colours near those that Macenko et al. 2009 estimate, varied from slide to slide.
/// </summary>
internal sealed class Stain
{
    private readonly int[] _colours = new int[128 * 128];

    internal Stain(ulong seed)
    {
        Dice dice = Dice.For(seed, 0x57A1);
        float[] haematoxylin = Varied([0.62f, 0.68f, 0.36f], 0.05f, dice.Between(0.82f, 1.18f), ref dice);
        float[] eosin = Varied([0.12f, 0.82f, 0.42f], 0.05f, dice.Between(0.78f, 1.2f), ref dice);
        float[] glass = [dice.Between(238, 247), dice.Between(237, 246), dice.Between(239, 248)];
        for (int h = 0; h < 128; h++)
        {
            for (int e = 0; e < 128; e++)
            {
                int colour = 0;
                for (int c = 0; c < 3; c++)
                {
                    double density = ((haematoxylin[c] * h) + (eosin[c] * e)) / 50.0;
                    colour |= (int)Math.Round(glass[c] * Math.Exp(-density)) << (8 * c);
                }

                _colours[(h * 128) + e] = colour;
            }
        }
    }

    /// <summary>Red in the lowest byte, then green, then blue.</summary>
    internal ReadOnlySpan<int> Colours => _colours;

    private static float[] Varied(float[] mean, float deviation, float strength, ref Dice dice)
    {
        float[] varied = new float[3];
        for (int c = 0; c < 3; c++)
        {
            varied[c] = Math.Max(0.02f, mean[c] + dice.Between(-deviation, deviation)) * strength;
        }

        return varied;
    }
}
