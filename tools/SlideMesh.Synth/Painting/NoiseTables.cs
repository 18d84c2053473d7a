namespace SlideMesh.Synth.Painting;

/// <summary>
/// Wrap-around grey noise of 512 × 512, made once from a fixed seed: texture by look-up costs a nanosecond a pixel, noise computed in
/// place cost thirty.
/// </summary>
internal static class NoiseTables
{
    internal const int Edge = 512;
    internal const int Wrap = Edge - 1;

    /// <summary>Grain of about 2 pixels.</summary>
    internal static readonly byte[] Grain = Smoothed(1, 1, 1);

    /// <summary>Blobs of about 6 pixels: chromatin, vacuoles.</summary>
    internal static readonly byte[] Clumps = Smoothed(2, 2, 2);

    /// <summary>Streaks, about 3 pixels across and 40 along x.</summary>
    internal static readonly byte[] Fibres = Smoothed(3, 20, 1);

    /// <summary>Blobs of about 50 pixels: wobbling outlines.</summary>
    internal static readonly byte[] Wobble = Smoothed(4, 18, 18);

    private static byte[] Smoothed(ulong seed, int radiusX, int radiusY)
    {
        Dice dice = Dice.For(0x7E47, seed);
        float[] noise = new float[Edge * Edge];
        for (int i = 0; i < noise.Length; i++)
        {
            noise[i] = dice.Unit() - 0.5f;
        }

        for (int pass = 0; pass < 2; pass++)
        {
            noise = Box(noise, radiusX, 1, Edge);
            noise = Box(noise, radiusY, Edge, 1);
        }

        double deviation = Math.Sqrt(noise.Sum(n => (double)n * n) / noise.Length);
        return [.. noise.Select(n => (byte)Math.Clamp(128 + (n / deviation * 52), 0, 255))];
    }

    /// <summary>Running mean of 2 × radius + 1 along one axis, wrapping around.</summary>
    private static float[] Box(float[] source, int radius, int step, int lineStep)
    {
        float[] target = new float[source.Length];
        for (int line = 0; line < Edge; line++)
        {
            int start = line * lineStep;
            float sum = 0;
            for (int i = -radius; i <= radius; i++)
            {
                sum += source[start + ((i & Wrap) * step)];
            }

            for (int i = 0; i < Edge; i++)
            {
                target[start + (i * step)] = sum;
                sum += source[start + (((i + radius + 1) & Wrap) * step)] - source[start + (((i - radius) & Wrap) * step)];
            }
        }

        return target;
    }
}
