using SlideMesh.Slides.Pyramid;
using SlideMesh.Slides.Tests;
using SlideMesh.Tissue.Contours;
using SlideMesh.Tissue.Segmentation;

namespace SlideMesh.Tissue.Tests.Contours;

public class ContourTests
{
    private static readonly TissueOptions KeepAll = new() { MinAreaMm2 = 0, MinHoleAreaMm2 = 0, MaxHoles = int.MaxValue };

    [Fact]
    public void Square_has_four_corners_and_its_area()
    {
        byte[] mask = new byte[100];
        Fill(mask, 10, 2, 3, 4, 5);
        TissueContour contour = Assert.Single(Contours(mask, 10, 10, KeepAll));
        Assert.Equal([new(2, 3), new(6, 3), new(6, 8), new(2, 8)], contour.Outer);
        Assert.Empty(contour.Holes);
        Assert.Equal(20, contour.AreaMm2);
    }

    [Fact]
    public void Island_in_a_hole_is_a_piece_of_its_own()
    {
        byte[] mask = new byte[400];
        Fill(mask, 20, 1, 1, 15, 15);
        Fill(mask, 20, 4, 4, 9, 9, 0);
        Fill(mask, 20, 7, 7, 3, 3);
        List<TissueContour> contours = Contours(mask, 20, 20, KeepAll);
        Assert.Equal([(225 - 81, 1), (9, 0)], contours.Select(c => ((int)c.AreaMm2, c.Holes.Count)));
        Assert.Equal(new Level0Point(4, 4), contours[0].Holes[0][0]);
    }

    [Fact]
    public void Small_pieces_go_and_small_holes_are_filled()
    {
        byte[] mask = new byte[400];
        Fill(mask, 20, 0, 0, 12, 12);
        Fill(mask, 20, 2, 2, 2, 2, 0);
        Fill(mask, 20, 6, 6, 3, 3, 0);
        Fill(mask, 20, 15, 15, 3, 3);
        TissueContour contour = Assert.Single(Contours(mask, 20, 20, KeepAll with { MinAreaMm2 = 10, MinHoleAreaMm2 = 5 }));
        Assert.Single(contour.Holes);
        Assert.Equal(144 - 9, contour.AreaMm2);
        Assert.Equal(144 - 9, mask.Sum(v => v));
    }

    [Fact]
    public void Only_the_largest_holes_of_a_piece_are_kept()
    {
        byte[] mask = new byte[400];
        Fill(mask, 20, 0, 0, 20, 20);
        Fill(mask, 20, 2, 2, 2, 2, 0);
        Fill(mask, 20, 6, 6, 3, 3, 0);
        Fill(mask, 20, 12, 12, 4, 4, 0);
        TissueContour contour = Assert.Single(Contours(mask, 20, 20, KeepAll with { MaxHoles = 2 }));
        Assert.Equal(400 - 9 - 16, contour.AreaMm2);
    }

    [Fact]
    public void Small_hole_of_ink_is_never_filled()
    {
        byte[] mask = new byte[400];
        byte[] ink = new byte[400];
        Fill(mask, 20, 0, 0, 20, 20);
        Fill(mask, 20, 6, 6, 3, 3, 0);
        Fill(ink, 20, 6, 6, 3, 3);
        List<TissueContour> contours = ContourFilter.Apply(
            mask, 20, 20, ink, 1, KeepAll with { MinHoleAreaMm2 = 100 }, (x, y) => new Level0Point(x, y));
        Assert.Single(Assert.Single(contours).Holes);
    }

    [Theory]
    [InlineData(1, 100)]
    [InlineData(2, 140)]
    [InlineData(3, 180)]
    public void Rasterised_rings_equal_the_mask(uint seed, int level)
    {
        const int Width = 90;
        const int Height = 70;
        byte[] noise = Pictures.Noise(Width * Height / 3, 1, seed).Pixels;
        byte[] mask = [.. MedianFilter.Apply(noise, Width, Height, 3).Select(v => v > level ? (byte)1 : (byte)0)];
        BinaryMorphology.JoinDiagonals(mask, Width, Height);
        List<TissueContour> contours = Contours(mask, Width, Height, KeepAll with { MinAreaMm2 = 3, MinHoleAreaMm2 = 2, MaxHoles = 4 });

        var painted = new byte[mask.Length];
        foreach (IReadOnlyList<Level0Point> ring in contours.SelectMany(c => c.Holes.Append(c.Outer)))
        {
            FlipInside(painted, Width, ring);
            AssertSimple(ring);
        }

        Assert.Equal(mask, painted);
        Assert.Equal(mask.Sum(v => v), contours.Sum(c => c.AreaMm2));
        Assert.All(contours, c => Assert.Equal(c.AreaMm2, ShoelaceArea(c.Outer) + c.Holes.Sum(ShoelaceArea)));
        Assert.Equal(contours.OrderByDescending(c => c.AreaMm2).Select(c => c.AreaMm2), contours.Select(c => c.AreaMm2));
    }

    private static List<TissueContour> Contours(byte[] mask, int width, int height, TissueOptions options) =>
        ContourFilter.Apply(mask, width, height, new byte[mask.Length], 1, options, (x, y) => new Level0Point(x, y));

    private static void Fill(byte[] mask, int stride, int x, int y, int width, int height, byte value = 1)
    {
        for (int row = y; row < y + height; row++)
        {
            mask.AsSpan((row * stride) + x, width).Fill(value);
        }
    }

    /// <summary>Even-odd filling by vertical edges: each flips what lies to its right.</summary>
    private static void FlipInside(byte[] mask, int stride, IReadOnlyList<Level0Point> ring)
    {
        for (int i = 0; i < ring.Count; i++)
        {
            (Level0Point a, Level0Point b) = (ring[i], ring[(i + 1) % ring.Count]);
            for (long y = Math.Min(a.Y, b.Y); a.X == b.X && y < Math.Max(a.Y, b.Y); y++)
            {
                for (long x = a.X; x < stride; x++)
                {
                    mask[(y * stride) + x] ^= 1;
                }
            }
        }
    }

    /// <summary>Clockwise on the screen is positive, so holes count negative.</summary>
    private static double ShoelaceArea(IReadOnlyList<Level0Point> ring) =>
        ring.Select((p, i) => (p, q: ring[(i + 1) % ring.Count])).Sum(e => (double)((e.p.X * e.q.Y) - (e.q.X * e.p.Y))) / 2;

    /// <summary>No corner twice, and every corner turns.</summary>
    private static void AssertSimple(IReadOnlyList<Level0Point> ring)
    {
        Assert.Equal(ring.Count, ring.Distinct().Count());
        for (int i = 0; i < ring.Count; i++)
        {
            (Level0Point a, Level0Point b, Level0Point c) = (ring[i], ring[(i + 1) % ring.Count], ring[(i + 2) % ring.Count]);
            Assert.True((a.X == b.X) != (b.X == c.X));
        }
    }
}
