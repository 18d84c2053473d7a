using SlideMesh.Slides.Raster;
using SlideMesh.Synth.Painting;
using SlideMesh.Synth.Scenes;

namespace SlideMesh.Synth.Tests;

public class TilePainterTests
{
    [Theory]
    [InlineData(Origin.Lung)]
    [InlineData(Origin.Breast)]
    [InlineData(Origin.Colorectal)]
    [InlineData(Origin.Renal)]
    public void Render_any_rectangle_shows_the_same_pixels(Origin origin)
    {
        SlideParameters parameters = new()
        {
            Seed = 90, WidthPx = 900, HeightPx = 800, Origin = origin, Grade = 2, Tmb = 90, Site = SpecimenSite.Metastatic, Nuisances = new(1, 1, 1),
        };
        RgbImage whole = SlideGenerator.Render(parameters);
        TilePainter painter = new(SceneBuilder.Build(parameters));
        Random random = new(4);
        for (int i = 0; i < 12; i++)
        {
            int x = random.Next(850);
            int y = random.Next(750);
            int width = random.Next(1, 900 - x);
            int height = random.Next(1, Math.Min(200, 800 - y));
            byte[] part = new byte[width * height * 3];
            painter.Render(x, y, width, height, part);
            for (int row = 0; row < height; row++)
            {
                Assert.True(
                    part.AsSpan(row * width * 3, width * 3).SequenceEqual(whole.Pixels.AsSpan((((y + row) * 900) + x) * 3, width * 3)),
                    $"row {row} of {width} x {height} at {x}, {y} differs");
            }
        }
    }
}
