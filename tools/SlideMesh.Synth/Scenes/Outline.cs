using SlideMesh.Synth.Painting;

namespace SlideMesh.Synth.Scenes;

/// <summary>The wobble of a gland's outline: the squared radius is scaled by noise that is fixed to the slide.</summary>
internal static class Outline
{
    /// <summary>No outline reaches beyond this multiple of the outer radius.</summary>
    internal const float Furthest = 1.38f;

    /// <summary>Factor on a point's distance from the centre that takes it along with the wobbling outline.</summary>
    internal static float Pull(float x, float y, float scale, float wobble)
    {
        int column = (int)(x / scale) & NoiseTables.Wrap;
        int row = (int)(y / scale) & NoiseTables.Wrap;
        float noise = (NoiseTables.Wobble[(row * NoiseTables.Edge) + column] - 128) / 64f;
        return Math.Min(Furthest, 1 / MathF.Sqrt(Math.Max(0.1f, 1 + (wobble * noise))));
    }
}
