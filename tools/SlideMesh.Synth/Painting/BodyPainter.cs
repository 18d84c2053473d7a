using SlideMesh.Synth.Scenes;

namespace SlideMesh.Synth.Painting;

/// <summary>Paints glands and nuclei into stain planes.</summary>
internal static class BodyPainter
{
    internal static void Paint(in StainPlanes planes, in Gland gland, float inverse, bool clearCells)
    {
        (int left, int top, int right, int bottom) = planes.Clip(gland.X, gland.Y, gland.Reach, gland.Reach);
        if (right <= left || bottom <= top)
        {
            return;
        }

        byte[] wobble = NoiseTables.Wobble;
        byte[] grain = NoiseTables.Grain;
        byte[] clumps = NoiseTables.Clumps;
        float stepU = gland.Cos / gland.A;
        float stepV = -gland.Sin / gland.B;
        float lumen = gland.Lumen * gland.Lumen;
        float wobbleScale = gland.Wobble / 64;
        float edge = 0.35f * Math.Min(gland.A, gland.B);
        for (int row = top; row < bottom; row++)
        {
            float dy = planes.Y + row + 0.5f - gland.Y;
            float startU = dy * gland.Sin / gland.A;
            float startV = dy * gland.Cos / gland.B;
            int noiseRow = ((int)((planes.Y + row + 0.5f) * inverse) & NoiseTables.Wrap) * NoiseTables.Edge;
            Span<byte> h = planes.H.Slice(row * planes.Width, planes.Width);
            Span<byte> e = planes.E.Slice(row * planes.Width, planes.Width);
            for (int column = left; column < right; column++)
            {
                // From the column itself, not summed up along the row: the same pixel comes out the same in every rectangle.
                float dx = planes.X + column + 0.5f - gland.X;
                float u = startU + (dx * stepU);
                float v = startV + (dx * stepV);
                float q = (u * u) + (v * v);
                if (q > Outline.Furthest * Outline.Furthest)
                {
                    continue;
                }

                int texel = noiseRow + ((int)((planes.X + column + 0.5f) * inverse) & NoiseTables.Wrap);
                q *= 1 + (wobbleScale * (wobble[texel] - 128));
                if (q >= 1)
                {
                    continue;
                }

                float newH;
                float newE;
                if (q < lumen)
                {
                    // Colloid draws back from the epithelium a little.
                    bool cleft = gland.LumenE > 30 && q > lumen * 0.86f && clumps[texel] > 140;
                    newH = gland.LumenH;
                    newE = cleft ? 2 : gland.LumenE + ((grain[texel] - 128) * 0.02f);
                }
                else
                {
                    newH = gland.CytoplasmH + ((clumps[texel] - 128) * 0.05f);
                    newE = gland.CytoplasmE + ((grain[texel] - 128) * 0.09f);
                    if (gland.Vacuoles > 0 && !clearCells && q < 0.56f && clumps[texel] > 142)
                    {
                        newH *= 1 - (0.8f * gland.Vacuoles);
                        newE *= 1 - (0.8f * gland.Vacuoles);
                    }
                    else if (clearCells && gland.Vacuoles > 0)
                    {
                        // Thin walls between clear cells: ridges of the noise.
                        int ridge = Math.Abs(wobble[(texel * 2) & ((NoiseTables.Edge * NoiseTables.Edge) - 1)] - 128);
                        newE += ridge < 6 ? 24 : 0;
                    }
                }

                float cover = Math.Min(1, (1 - q) * edge);
                h[column] = (byte)Math.Clamp(h[column] + ((newH - h[column]) * cover), 0, 255);
                e[column] = (byte)Math.Clamp(e[column] + ((newE - e[column]) * cover), 0, 255);
            }
        }
    }

    internal static void Paint(in StainPlanes planes, in Nucleus nucleus, float inverse)
    {
        float reachX = MathF.Sqrt((nucleus.A * nucleus.A * nucleus.Cos * nucleus.Cos) + (nucleus.B * nucleus.B * nucleus.Sin * nucleus.Sin));
        float reachY = MathF.Sqrt((nucleus.A * nucleus.A * nucleus.Sin * nucleus.Sin) + (nucleus.B * nucleus.B * nucleus.Cos * nucleus.Cos));
        (int left, int top, int right, int bottom) = planes.Clip(nucleus.X, nucleus.Y, reachX, reachY);
        if (right <= left || bottom <= top)
        {
            return;
        }

        byte[] clumps = NoiseTables.Clumps;
        float stepU = nucleus.Cos / nucleus.A;
        float stepV = -nucleus.Sin / nucleus.B;
        for (int row = top; row < bottom; row++)
        {
            float dy = planes.Y + row + 0.5f - nucleus.Y;
            float startU = dy * nucleus.Sin / nucleus.A;
            float startV = dy * nucleus.Cos / nucleus.B;
            int noiseRow = ((int)((planes.Y + row + 0.5f) * inverse * 1.4f) & NoiseTables.Wrap) * NoiseTables.Edge;
            Span<byte> h = planes.H.Slice(row * planes.Width, planes.Width);
            Span<byte> e = planes.E.Slice(row * planes.Width, planes.Width);
            for (int column = left; column < right; column++)
            {
                float dx = planes.X + column + 0.5f - nucleus.X;
                float u = startU + (dx * stepU);
                float v = startV + (dx * stepV);
                float q = (u * u) + (v * v);
                if (q >= 1.1f)
                {
                    continue;
                }

                int texel = noiseRow + ((int)((planes.X + column + 0.5f) * inverse * 1.4f) & NoiseTables.Wrap);
                float amount = nucleus.H * (0.9f + ((clumps[texel] - 128) * 0.0026f) + (q > 0.62f ? 0.14f : 0));
                float cover = Math.Min(1, (1.1f - q) * 4);
                h[column] = (byte)Math.Clamp(h[column] + ((amount - h[column]) * cover), 0, 255);
                e[column] = (byte)(e[column] + ((nucleus.E - e[column]) * cover));
            }
        }
    }
}
