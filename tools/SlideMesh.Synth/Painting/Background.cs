using SlideMesh.Synth.Scenes;

namespace SlideMesh.Synth.Painting;

/// <summary>Glass and stroma: everything beneath the glands.</summary>
internal sealed class Background
{
    private readonly Scene _scene;
    private readonly float[] _displacement;
    private readonly float[] _eosin;
    private readonly float _cos;
    private readonly float _sin;

    internal Background(Scene scene)
    {
        _scene = scene;
        TissueMap map = scene.Map;
        ulong seed = scene.Parameters.Seed;
        float main = FibreField.MainAngle(seed);
        (_cos, _sin) = (MathF.Cos(main), MathF.Sin(main));
        _displacement = new float[map.Tissue.Length];
        _eosin = new float[map.Tissue.Length];
        ValueNoise density = new(Dice.Mix(seed ^ 0xDE), 300);
        for (int i = 0; i < map.Tissue.Length; i++)
        {
            float x = i % map.Columns * TissueMap.Step;
            float y = i / map.Columns * TissueMap.Step;
            _displacement[i] = FibreField.Displacement(seed, x, y);
            _eosin[i] = map.ClassAt(x, y) == TissueClass.Lymphoid ? 18 : scene.Architecture.StromaE * (0.75f + (0.5f * density.At(x, y)));
        }
    }

    internal void Paint(in StainPlanes planes)
    {
        float inverse = 1 / _scene.Scale;
        int lattice = (int)(planes.Width * inverse / TissueMap.Step) + 3;
        Span<float> tissue = stackalloc float[lattice];
        Span<float> bend = stackalloc float[lattice];
        Span<float> eosin = stackalloc float[lattice];
        int firstColumn = (int)MathF.Floor(planes.X * inverse / TissueMap.Step);
        for (int row = 0; row < planes.Height; row++)
        {
            float y = (planes.Y + row + 0.5f) * inverse;
            bool any = Interpolate(_scene.Map.Tissue, y, firstColumn, tissue);
            Span<byte> h = planes.H.Slice(row * planes.Width, planes.Width);
            Span<byte> e = planes.E.Slice(row * planes.Width, planes.Width);
            if (!any)
            {
                h.Clear();
                e.Clear();
                continue;
            }

            Interpolate(_displacement, y, firstColumn, bend);
            Interpolate(_eosin, y, firstColumn, eosin);
            PaintRow(planes.X, y, inverse, firstColumn, tissue, bend, eosin, h, e);
        }
    }

    private void PaintRow(
        int left, float y, float inverse, int firstColumn, Span<float> tissue, Span<float> bend, Span<float> eosin, Span<byte> h, Span<byte> e)
    {
        byte[] fibres = NoiseTables.Fibres;
        byte[] grain = NoiseTables.Grain;
        byte[] wobble = NoiseTables.Wobble;
        float contrast = _scene.Architecture.Fibres / 90f;
        int grainRow = ((int)y & NoiseTables.Wrap) * NoiseTables.Edge;
        for (int i = 0; i < h.Length; i++)
        {
            float x = (left + i + 0.5f) * inverse;
            float position = x / TissueMap.Step;
            float floor = MathF.Floor(position);
            float t = position - floor;
            int column = (int)floor - firstColumn;
            int texel = grainRow + ((int)x & NoiseTables.Wrap);
            float depth = ((tissue[column] + (t * (tissue[column + 1] - tissue[column]))) * 1000) + ((wobble[texel] - 128) * 0.12f);
            if (depth <= -1.5f)
            {
                h[i] = 0;
                e[i] = 0;
                continue;
            }

            float across = (y * _cos) - (x * _sin) + bend[column] + (t * (bend[column + 1] - bend[column]));
            float along = (x * _cos) + (y * _sin);
            float line = MathF.Floor(across);
            int streak = (int)along & NoiseTables.Wrap;
            float near = fibres[(((int)line & NoiseTables.Wrap) * NoiseTables.Edge) + streak] - 128;
            float next = fibres[((((int)line + 1) & NoiseTables.Wrap) * NoiseTables.Edge) + streak] - 128;
            float fibre = near + ((across - line) * (next - near));
            float amount = (eosin[column] + (t * (eosin[column + 1] - eosin[column]))) * (1 + (fibre * contrast));

            // Clefts between the fibres, as fixation leaves them.
            amount *= Math.Clamp(1 + ((fibre + 74) * 0.04f), 0.25f, 1);
            float cover = Math.Min(1, (depth + 1.5f) / 3);
            e[i] = (byte)Math.Clamp((amount + ((grain[texel] - 128) * 0.06f)) * cover, 0, 255);
            h[i] = (byte)(cover * (4 + (grain[texel] >> 6)));
        }
    }

    /// <summary>Values of lattice columns from <paramref name="first"/> on at height <paramref name="y"/>; true when one is above −0.02.</summary>
    private bool Interpolate(float[] field, float y, int first, Span<float> values)
    {
        TissueMap map = _scene.Map;
        float position = Math.Clamp(y / TissueMap.Step, 0, map.Rows - 1.001f);
        int row = (int)position;
        float t = position - row;
        bool any = false;
        for (int i = 0; i < values.Length; i++)
        {
            int column = Math.Clamp(first + i, 0, map.Columns - 1);
            float upper = field[(row * map.Columns) + column];
            float lower = field[((row + 1) * map.Columns) + column];
            values[i] = upper + (t * (lower - upper));
            any |= values[i] > -0.02f;
        }

        return any;
    }
}
