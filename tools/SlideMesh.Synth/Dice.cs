namespace SlideMesh.Synth;

/// <summary>
/// A small seeded generator (SplitMix64). Streams are split by name-like numbers, so that one more draw in one place never shifts the
/// draws of another.
/// </summary>
internal struct Dice(ulong seed)
{
    private ulong _state = seed;

    internal static Dice For(ulong seed, ulong stream, ulong index = 0) => new(Mix(Mix(Mix(seed) ^ stream) ^ index));

    internal static ulong Mix(ulong value)
    {
        value += 0x9E3779B97F4A7C15;
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }

    internal ulong Next()
    {
        _state += 0x9E3779B97F4A7C15;
        ulong value = _state;
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }

    /// <summary>Uniform in [0, 1).</summary>
    internal float Unit() => (Next() >> 40) * (1f / (1 << 24));

    internal float Between(float low, float high) => low + ((high - low) * Unit());

    /// <summary>Uniform in 0 … <paramref name="count"/> − 1.</summary>
    internal int Below(int count) => (int)(Unit() * count);

    internal bool Chance(double probability) => Unit() < probability;

    /// <summary>Standard normal (Box and Muller 1958), one of the pair.</summary>
    internal float Normal()
    {
        double radius = Math.Sqrt(-2 * Math.Log(1 - Unit()));
        return (float)(radius * Math.Cos(2 * Math.PI * Unit()));
    }

    internal void Shuffle<T>(Span<T> items)
    {
        for (int i = items.Length - 1; i > 0; i--)
        {
            int j = Below(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }
}
