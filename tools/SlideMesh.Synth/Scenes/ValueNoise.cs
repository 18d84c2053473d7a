namespace SlideMesh.Synth.Scenes;

/// <summary>Smooth noise in the plane, from 0 to 1: two octaves of hashed lattice values with smooth interpolation.</summary>
internal readonly struct ValueNoise(ulong seed, float wavelength)
{
    internal float At(float x, float y) =>
        (0.68f * Octave(x / wavelength, y / wavelength, seed)) + (0.32f * Octave(x * 2.3f / wavelength, y * 2.3f / wavelength, seed + 1));

    private static float Octave(float x, float y, ulong seed)
    {
        float left = MathF.Floor(x);
        float top = MathF.Floor(y);
        float u = Smooth(x - left);
        float v = Smooth(y - top);
        int i = (int)left;
        int j = (int)top;
        float upper = Lattice(i, j, seed) + (u * (Lattice(i + 1, j, seed) - Lattice(i, j, seed)));
        float lower = Lattice(i, j + 1, seed) + (u * (Lattice(i + 1, j + 1, seed) - Lattice(i, j + 1, seed)));
        return upper + (v * (lower - upper));
    }

    private static float Smooth(float t) => t * t * (3 - (2 * t));

    private static float Lattice(int i, int j, ulong seed) =>
        (Dice.Mix(((ulong)(uint)i << 32 | (uint)j) ^ (seed * 0x9E3779B97F4A7C15)) >> 40) * (1f / (1 << 24));
}
