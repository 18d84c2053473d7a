namespace SlideMesh.Synth.Scenes;

/// <summary>Places all objects of a slide. One thread, some 100 ms for a slide of 4096 pixels.</summary>
internal sealed class SceneBuilder
{
    private readonly SlideParameters _parameters;
    private readonly Architecture _architecture;
    private readonly TissueMap _map;
    private readonly float _scale;
    private readonly List<Gland> _glands = [];
    private readonly List<Nucleus> _glandNuclei = [];
    private readonly List<Nucleus> _stromaNuclei = [];
    private readonly List<Nucleus> _topNuclei = [];
    private readonly List<(float X, float Y, float Radius)> _clusters = [];

    // Pleomorphism and lymphocytes rise with log10 of the mutation rate; each with noise of its own.
    private readonly float _pleomorphism;
    private readonly float _immunity;

    private SceneBuilder(SlideParameters parameters)
    {
        _parameters = parameters;
        _architecture = Architecture.Of(parameters.Origin);
        _scale = (float)(0.5 / parameters.MicronsPerPixel);
        _map = new TissueMap(parameters, parameters.WidthPx / _scale, parameters.HeightPx / _scale);
        Dice dice = Dice.For(parameters.Seed, 0x7B);
        float burden = (float)((Math.Log10(Math.Max(parameters.Tmb, 0.1)) + 0.3) / 2.1);
        _pleomorphism = Math.Clamp(burden + (0.06f * dice.Normal()), 0, 1.1f);
        _immunity = Math.Clamp(burden + (0.08f * dice.Normal()), 0, 1.1f);
    }

    internal static Scene Build(SlideParameters parameters)
    {
        SceneBuilder builder = new(parameters);
        if (parameters.Tissue == TissueKind.Tumour)
        {
            builder.PlaceClusters();
            builder.PlaceStroma();
            builder.PlaceLymphoidTissue();
            builder.PlaceGlands(disordered: true);
            builder.PlaceGlands(disordered: false);
            builder.PlaceInfiltratingLymphocytes();
        }

        return new()
        {
            Map = builder._map,
            Parameters = parameters,
            Architecture = builder._architecture,
            Glands = [.. builder._glands],
            GlandNuclei = [.. builder._glandNuclei],
            StromaNuclei = [.. builder._stromaNuclei],
            TopNuclei = [.. builder._topNuclei],
            Nuisances = Nuisances.For(parameters),
            LargestNucleus = builder._glandNuclei.Count == 0 ? 0 : builder._glandNuclei.Max(n => Math.Max(n.A, n.B)),
        };
    }

    private void PlaceClusters()
    {
        Dice dice = Dice.For(_parameters.Seed, 0xC1);
        double perMillion = 0.1 + (3.4 * _immunity * _immunity);
        int count = (int)Math.Round(perMillion * _map.WidthUnits * _map.HeightUnits / 1e6);
        for (int i = 0; i < count; i++)
        {
            float x = dice.Between(0, _map.WidthUnits);
            float y = dice.Between(0, _map.HeightUnits);
            float radius = dice.Between(40, 62 + (50 * _immunity));
            if (_map.DepthAt(x, y) < 20 || _map.ClassAt(x, y) == TissueClass.Lymphoid)
            {
                continue;
            }

            _clusters.Add((x, y, radius));
            int cells = (int)(MathF.PI * radius * radius / 190);
            for (int cell = 0; cell < cells; cell++)
            {
                float away = radius * MathF.Pow(dice.Unit(), 0.55f);
                float angle = dice.Between(0, MathF.Tau);
                AddLymphocyte(_stromaNuclei, x + (away * MathF.Cos(angle)), y + (away * MathF.Sin(angle)), ref dice);
            }
        }
    }

    private void PlaceStroma()
    {
        const float Spacing = 36;
        Dice dice = Dice.For(_parameters.Seed, 0x57);
        double lymphocytes = 0.02 + (0.32 * _immunity * _immunity);
        for (float top = 0; top < _map.HeightUnits; top += Spacing)
        {
            for (float left = 0; left < _map.WidthUnits; left += Spacing)
            {
                float x = left + dice.Between(0, Spacing);
                float y = top + dice.Between(0, Spacing);
                bool lymphocyte = dice.Chance(lymphocytes);
                bool spindle = dice.Chance(0.62);
                if (_map.DepthAt(x, y) < 4 || !(lymphocyte || spindle))
                {
                    continue;
                }

                if (lymphocyte)
                {
                    AddLymphocyte(_stromaNuclei, x, y, ref dice);
                }
                else
                {
                    float angle = FibreField.AngleAt(_parameters.Seed, x, y) + (0.25f * dice.Normal());
                    Add(_stromaNuclei, x, y, dice.Between(7, 12), dice.Between(2.1f, 3.2f), angle, dice.Between(72, 105), 20);
                }
            }
        }
    }

    private void PlaceLymphoidTissue()
    {
        if (_parameters.Site != SpecimenSite.Metastatic)
        {
            return;
        }

        const float Spacing = 12.5f;
        Dice dice = Dice.For(_parameters.Seed, 0x1F);
        ValueNoise follicles = new(dice.Next(), 170);
        for (float top = 0; top < _map.HeightUnits; top += Spacing)
        {
            for (float left = 0; left < _map.WidthUnits; left += Spacing)
            {
                if (_map.ClassAt(left, top) != TissueClass.Lymphoid)
                {
                    continue;
                }

                float x = left + dice.Between(0, Spacing);
                float y = top + dice.Between(0, Spacing);
                bool pale = follicles.At(x, y) > 0.66f;
                if (dice.Chance(pale ? 0.55 : 0.93))
                {
                    float size = pale ? dice.Between(5.2f, 6.4f) : dice.Between(4.2f, 5.2f);
                    Add(_stromaNuclei, x, y, size, size * 0.92f, dice.Between(0, 3), pale ? dice.Between(58, 80) : dice.Between(110, 145), 14);
                }
            }
        }
    }

    private void PlaceInfiltratingLymphocytes()
    {
        const float Spacing = 90;
        Dice dice = Dice.For(_parameters.Seed, 0x711);
        for (float top = 0; top < _map.HeightUnits; top += Spacing)
        {
            for (float left = 0; left < _map.WidthUnits; left += Spacing)
            {
                float x = left + dice.Between(0, Spacing);
                float y = top + dice.Between(0, Spacing);
                if (dice.Chance(0.5 * _immunity * _immunity) && _map.ClassAt(x, y) == TissueClass.DisorderedTumour && _map.DepthAt(x, y) > 20)
                {
                    AddLymphocyte(_topNuclei, x, y, ref dice);
                }
            }
        }
    }

    private void PlaceGlands(bool disordered)
    {
        float spacing = _architecture.Spacing;
        float rowHeight = spacing * 0.866f;
        int rows = (int)(_map.HeightUnits / rowHeight) + 2;
        int columns = (int)(_map.WidthUnits / spacing) + 2;
        TissueClass wanted = disordered ? TissueClass.DisorderedTumour : TissueClass.OrderedTumour;
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                Dice dice = Dice.For(_parameters.Seed, 0x61A, ((ulong)row << 32) | (uint)column);
                float x = ((column + (0.5f * (row & 1))) * spacing) + (spacing * _architecture.Jitter * dice.Normal());
                float y = (row * rowHeight) + (spacing * _architecture.Jitter * dice.Normal());
                if (_map.ClassAt(x, y) != wanted || _map.DepthAt(x, y) < (disordered ? 0.3f : 0.45f) * spacing || InCluster(x, y, 0.25f * spacing))
                {
                    continue;
                }

                if (disordered)
                {
                    AddFusedMass(x, y, spacing, ref dice);
                }
                else if (_architecture.ClearCells || _architecture.Epithelium == 0)
                {
                    AddNest(x, y, ref dice);
                }
                else
                {
                    AddHollowGland(x, y, ref dice);
                }
            }
        }
    }

    private void AddHollowGland(float x, float y, ref Dice dice)
    {
        (float a, float b, float angle) = Shape(ref dice);
        float lumen = Math.Max(0, 1 - (_architecture.Epithelium / Math.Min(a, b)));
        int first = _glandNuclei.Count;
        int count = (int)(MathF.Tau * MathF.Sqrt(((a * a) + (b * b)) / 2) / _architecture.NucleusSpacing);
        (float cos, float sin) = (MathF.Cos(angle), MathF.Sin(angle));
        for (int i = 0; i < count; i++)
        {
            float turn = (MathF.Tau * (i + (0.25f * dice.Normal()))) / count;
            float depth = _architecture.NucleusDepth * (1 + (0.16f * dice.Normal()));
            float u = (a - depth) * MathF.Cos(turn);
            float v = (b - depth) * MathF.Sin(turn);
            float px = x + (u * cos) - (v * sin);
            float py = y + (u * sin) + (v * cos);
            float pull = Outline.Pull(px * _scale, py * _scale, _scale, _architecture.Wobble);
            float outward = angle + MathF.Atan2(MathF.Sin(turn) * a, MathF.Cos(turn) * b);
            AddTumourNucleus(x + ((px - x) * pull), y + ((py - y) * pull), outward, disordered: false, ref dice);
        }

        AddGland(x, y, a, b, angle, lumen, _architecture.Wobble, first, disordered: false, ref dice);
    }

    private void AddNest(float x, float y, ref Dice dice)
    {
        (float a, float b, float angle) = Shape(ref dice);
        int first = _glandNuclei.Count;
        float step = _architecture.NucleusSpacing;
        (float cos, float sin) = (MathF.Cos(angle), MathF.Sin(angle));
        for (float v = -b; v < b; v += step * 0.87f)
        {
            for (float u = -a; u < a; u += step)
            {
                float du = u + (0.2f * step * dice.Normal());
                float dv = v + (0.2f * step * dice.Normal());
                if ((du * du / (a * a)) + (dv * dv / (b * b)) < 0.84f)
                {
                    AddTumourNucleus(x + (du * cos) - (dv * sin), y + (du * sin) + (dv * cos), dice.Between(0, MathF.PI), disordered: false, ref dice);
                }
            }
        }

        AddGland(x, y, a, b, angle, 0, _architecture.Wobble, first, disordered: false, ref dice);
    }

    /// <summary>Glands that have grown together: no lumen, no polarity, cells of uneven size anywhere.</summary>
    private void AddFusedMass(float x, float y, float spacing, ref Dice dice)
    {
        float a = spacing * dice.Between(0.58f, 0.78f);
        float b = spacing * dice.Between(0.48f, 0.62f);
        float angle = dice.Between(0, MathF.PI);
        int first = _glandNuclei.Count;
        int count = (int)(MathF.PI * a * b / dice.Between(330, 480));
        for (int i = 0; i < count; i++)
        {
            float away = MathF.Sqrt(dice.Unit()) * 0.94f;
            float turn = dice.Between(0, MathF.Tau);
            float u = a * away * MathF.Cos(turn);
            float v = b * away * MathF.Sin(turn);
            AddTumourNucleus(
                x + (u * MathF.Cos(angle)) - (v * MathF.Sin(angle)), y + (u * MathF.Sin(angle)) + (v * MathF.Cos(angle)),
                dice.Between(0, MathF.PI), disordered: true, ref dice);
        }

        AddGland(x, y, a, b, angle, 0, 0.4f, first, disordered: true, ref dice);
    }

    private (float A, float B, float Angle) Shape(ref Dice dice)
    {
        float radius = dice.Between(_architecture.RadiusLow, _architecture.RadiusHigh);
        float stretch = MathF.Sqrt(dice.Between(1, _architecture.Elongation));
        return (radius * stretch, radius / stretch, dice.Between(0, MathF.PI));
    }

    private void AddGland(float x, float y, float a, float b, float angle, float lumen, float wobble, int first, bool disordered, ref Dice dice)
    {
        int h = _architecture.CytoplasmH + (disordered ? 7 : 0) + (int)(2 * dice.Normal());
        int e = _architecture.CytoplasmE + (disordered ? 6 : 0) + (int)(3 * dice.Normal());
        _glands.Add(new()
        {
            X = x * _scale, Y = y * _scale, A = a * _scale, B = b * _scale, Cos = MathF.Cos(angle), Sin = MathF.Sin(angle),
            Lumen = lumen, Wobble = wobble, CytoplasmH = (byte)Math.Clamp(h, 0, 255), CytoplasmE = (byte)Math.Clamp(e, 0, 255),
            LumenH = 0, LumenE = (byte)Math.Clamp(_architecture.LumenE * (1 + (0.12f * dice.Normal())), 0, 255),
            Vacuoles = disordered ? 0 : _architecture.ClearCells ? 1 : _architecture.Vacuoles,
            FirstNucleus = first, NucleusCount = _glandNuclei.Count - first,
        });
    }

    private void AddTumourNucleus(float x, float y, float angle, bool disordered, ref Dice dice)
    {
        float size = MathF.Exp((0.05f + (0.28f * _pleomorphism)) * dice.Normal()) * (1 + (0.28f * _pleomorphism)) * (disordered ? 1.12f : 1);
        size = Math.Clamp(size, 0.55f, 2.3f);
        float h = 82 + (36 * _pleomorphism) + ((5 + (15 * _pleomorphism)) * dice.Normal());
        float a = disordered ? 6.4f : _architecture.NucleusA;
        float b = disordered ? 6.4f * dice.Between(0.6f, 1) : _architecture.NucleusB;
        Add(_glandNuclei, x, y, a * size, b * size, angle, h, 16);
    }

    private void AddLymphocyte(List<Nucleus> to, float x, float y, ref Dice dice)
    {
        float size = dice.Between(4.2f, 5.1f);
        Add(to, x, y, size, size * dice.Between(0.88f, 1), dice.Between(0, 3), dice.Between(122, 156), 12);
    }

    private void Add(List<Nucleus> to, float x, float y, float a, float b, float angle, float h, byte e) =>
        to.Add(new(x * _scale, y * _scale, a * _scale, b * _scale, MathF.Cos(angle), MathF.Sin(angle), (byte)Math.Clamp(h, 30, 180), e));

    private bool InCluster(float x, float y, float margin)
    {
        foreach ((float cx, float cy, float radius) in _clusters)
        {
            float reach = radius + margin;
            if (((x - cx) * (x - cx)) + ((y - cy) * (y - cy)) < reach * reach)
            {
                return true;
            }
        }

        return false;
    }
}
