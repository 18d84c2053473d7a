namespace SlideMesh.Synth.Scenes;

/// <summary>Direction and bend of the stroma's fibres: one main direction a slide, displaced by slow noise.</summary>
internal static class FibreField
{
    /// <summary>Largest displacement across the fibres, units of 0.5 µm.</summary>
    internal const float Bend = 260;

    private const float Wavelength = 420;

    internal static float MainAngle(ulong seed)
    {
        Dice dice = Dice.For(seed, 0xF1B);
        return dice.Between(0, MathF.PI);
    }

    /// <summary>Displacement at a point, units of 0.5 µm.</summary>
    internal static float Displacement(ulong seed, float x, float y) => Bend * new ValueNoise(Dice.Mix(seed ^ 0xF1B2), Wavelength).At(x, y);

    /// <summary>Direction of the fibres at a point, radians: the displaced coordinate is constant along it.</summary>
    internal static float AngleAt(ulong seed, float x, float y)
    {
        const float Near = 12;
        float main = MainAngle(seed);
        (float cos, float sin) = (MathF.Cos(main), MathF.Sin(main));
        float here = Displacement(seed, x, y);
        float slope = (Displacement(seed, x + (Near * cos), y + (Near * sin)) - here) / Near;
        return main + MathF.Atan(-slope);
    }
}
