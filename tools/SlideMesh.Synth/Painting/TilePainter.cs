using SlideMesh.Synth.Scenes;

namespace SlideMesh.Synth.Painting;

/// <summary>Paints any rectangle of a scene. Safe for concurrent use; what a pixel shows never depends on the rectangle.</summary>
internal sealed class TilePainter
{
    private const int BlurRadius = 4;
    private const int BlurMargin = 4 * BlurRadius;

    private readonly Scene _scene;
    private readonly Background _background;
    private readonly Stain _stain;
    private readonly TileBins _glands;
    private readonly TileBins _stroma;
    private readonly TileBins _top;
    private readonly float _shade;

    internal TilePainter(Scene scene)
    {
        _scene = scene;
        _background = new Background(scene);
        _stain = new Stain(scene.Parameters.Seed);
        (int width, int height) = (scene.Parameters.WidthPx, scene.Parameters.HeightPx);
        _glands = new(width, height, scene.Glands.Length, i => (scene.Glands[i].X, scene.Glands[i].Y, scene.Glands[i].Reach + scene.LargestNucleus + BlurMargin));
        _stroma = new(width, height, scene.StromaNuclei.Length, i => Box(scene.StromaNuclei[i]));
        _top = new(width, height, scene.TopNuclei.Length, i => Box(scene.TopNuclei[i]));
        _shade = Dice.For(scene.Parameters.Seed, 0x11).Between(4, 22);
    }

    /// <summary>Fits <see cref="SlideMesh.Slides.Tiff.RenderTile"/>.</summary>
    internal void Render(long x, long y, int width, int height, Span<byte> rgb)
    {
        using StainPlanes sharp = Painted((int)x, (int)y, width, height);
        if (!_scene.Nuisances.Blurs.Any(b => Touches(b, x, y, width, height)))
        {
            Finish(sharp, rgb);
            return;
        }

        using StainPlanes soft = Painted((int)x - BlurMargin, (int)y - BlurMargin, width + (2 * BlurMargin), height + (2 * BlurMargin));
        soft.Blur(BlurRadius);
        foreach (BlurredRegion region in _scene.Nuisances.Blurs)
        {
            Mix(sharp, soft, region);
        }

        Finish(sharp, rgb);
    }

    private static (float X, float Y, float Reach) Box(Nucleus nucleus) => (nucleus.X, nucleus.Y, Math.Max(nucleus.A, nucleus.B) + 2 + BlurMargin);

    private static bool Touches(BlurredRegion region, long x, long y, int width, int height)
    {
        float dx = Math.Clamp(region.X, x, x + width) - region.X;
        float dy = Math.Clamp(region.Y, y, y + height) - region.Y;
        return (dx * dx) + (dy * dy) < region.Radius * region.Radius;
    }

    private static void Mix(in StainPlanes sharp, in StainPlanes soft, BlurredRegion region)
    {
        for (int row = 0; row < sharp.Height; row++)
        {
            for (int column = 0; column < sharp.Width; column++)
            {
                float weight = region.Weight(sharp.X + column, sharp.Y + row);
                if (weight > 0)
                {
                    int to = (row * sharp.Width) + column;
                    int from = ((row + BlurMargin) * soft.Width) + column + BlurMargin;
                    sharp.H[to] = (byte)(sharp.H[to] + ((soft.H[from] - sharp.H[to]) * weight));
                    sharp.E[to] = (byte)(sharp.E[to] + ((soft.E[from] - sharp.E[to]) * weight));
                }
            }
        }
    }

    private StainPlanes Painted(int x, int y, int width, int height)
    {
        StainPlanes planes = new(x, y, width, height);
        float inverse = 1 / _scene.Scale;
        _background.Paint(planes);
        foreach (int i in _stroma.Touching(x, y, width, height))
        {
            BodyPainter.Paint(planes, _scene.StromaNuclei[i], inverse);
        }

        foreach (int i in _glands.Touching(x, y, width, height))
        {
            ref readonly Gland gland = ref _scene.Glands[i];
            BodyPainter.Paint(planes, gland, inverse, _scene.Architecture.ClearCells);
            foreach (ref readonly Nucleus nucleus in _scene.GlandNuclei.AsSpan(gland.FirstNucleus, gland.NucleusCount))
            {
                BodyPainter.Paint(planes, nucleus, inverse);
            }
        }

        foreach (int i in _top.Touching(x, y, width, height))
        {
            BodyPainter.Paint(planes, _scene.TopNuclei[i], inverse);
        }

        foreach (Stroke fold in _scene.Nuisances.Strokes.Where(s => s.Kind == StrokeKind.Fold))
        {
            Darken(planes, fold);
        }

        return planes;
    }

    /// <summary>A fold: tissue lies double, so that both stains are stronger.</summary>
    private static void Darken(in StainPlanes planes, Stroke fold)
    {
        if (!Near(fold, planes.X, planes.Y, planes.Width, planes.Height))
        {
            return;
        }

        for (int i = 0; i < planes.H.Length; i++)
        {
            float distance = fold.Distance(planes.X + (i % planes.Width), planes.Y + (i / planes.Width));
            float weight = Math.Clamp((fold.HalfWidth - distance) / 5, 0, 1);
            if (weight > 0 && planes.E[i] > 0)
            {
                planes.H[i] = (byte)Math.Min(255, planes.H[i] + (weight * ((planes.H[i] * 0.6f) + 26)));
                planes.E[i] = (byte)Math.Min(255, planes.E[i] + (weight * ((planes.E[i] * 0.9f) + 24)));
            }
        }
    }

    private static bool Near(Stroke stroke, int x, int y, int width, int height)
    {
        float half = MathF.Sqrt((width * width) + (height * height)) / 2;
        return stroke.Distance(x + (width / 2f), y + (height / 2f)) < half + stroke.HalfWidth + 8;
    }

    private void Finish(in StainPlanes planes, Span<byte> rgb)
    {
        ReadOnlySpan<int> colours = _stain.Colours;
        float middleX = _scene.Parameters.WidthPx / 2f;
        float middleY = _scene.Parameters.HeightPx / 2f;
        for (int row = 0; row < planes.Height; row++)
        {
            ReadOnlySpan<byte> h = planes.H.Slice(row * planes.Width, planes.Width);
            ReadOnlySpan<byte> e = planes.E.Slice(row * planes.Width, planes.Width);
            Span<byte> line = rgb.Slice(row * planes.Width * 3, planes.Width * 3);
            float dy = (planes.Y + row - middleY) / middleY;
            int light = 256;
            for (int i = 0, o = 0; i < h.Length; i++, o += 3)
            {
                if (((planes.X + i) & 15) == 0 || i == 0)
                {
                    // The lamp is weaker towards the corners; constant over 16 columns of the slide.
                    float dx = (((planes.X + i) & ~15) - middleX) / middleX;
                    light = 256 - (int)(_shade * ((dx * dx) + (dy * dy)) / 2);
                }

                int colour = colours[((h[i] >> 1) * 128) + (e[i] >> 1)];
                line[o] = (byte)(((colour & 255) * light) >> 8);
                line[o + 1] = (byte)((((colour >> 8) & 255) * light) >> 8);
                line[o + 2] = (byte)((((colour >> 16) & 255) * light) >> 8);
            }
        }

        foreach (Stroke pen in _scene.Nuisances.Strokes.Where(s => s.Kind == StrokeKind.Pen))
        {
            Ink(planes, pen, rgb);
        }
    }

    private static void Ink(in StainPlanes planes, Stroke pen, Span<byte> rgb)
    {
        if (!Near(pen, planes.X, planes.Y, planes.Width, planes.Height))
        {
            return;
        }

        for (int i = 0; i < planes.H.Length; i++)
        {
            int x = planes.X + (i % planes.Width);
            int y = planes.Y + (i / planes.Width);
            int texel = ((y & NoiseTables.Wrap) * NoiseTables.Edge) + (x & NoiseTables.Wrap);
            float distance = pen.Distance(x, y) + ((NoiseTables.Wobble[texel] - 128) * 0.05f);
            float cover = Math.Clamp((pen.HalfWidth - distance) / 4, 0, 1) * (0.8f + ((NoiseTables.Fibres[texel] - 128) * 0.0012f));
            if (cover > 0)
            {
                rgb[i * 3] = Toward(rgb[i * 3], pen.Colour.R, cover);
                rgb[(i * 3) + 1] = Toward(rgb[(i * 3) + 1], pen.Colour.G, cover);
                rgb[(i * 3) + 2] = Toward(rgb[(i * 3) + 2], pen.Colour.B, cover);
            }
        }
    }

    private static byte Toward(byte from, byte to, float share) => (byte)(from + ((to - from) * share));
}
