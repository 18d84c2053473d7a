using System.Globalization;
using SlideMesh.Slides.Raster;
using SlideMesh.Slides.TurboJpeg;

namespace SlideMesh.Reporting.Evidence;

/// <summary>A tile's picture, as a file and in reports.</summary>
/// <param name="FileName"><c>&lt;map&gt;_top_1_score_0.9312.jpg</c> or <c>&lt;map&gt;_bottom_1_…</c>, for the slide's <c>tiles/</c> folder.</param>
/// <param name="Rank">1 is the strongest (or weakest).</param>
public sealed record EvidenceTile(string FileName, string Map, bool IsTop, int Rank, TileEvidence Tile, int Width, int Height, byte[] Jpeg);

/// <summary>Cuts out the tiles that a map points at.</summary>
public static class EvidenceTiles
{
    /// <param name="read">Pixels of a tile as the model saw them; null when it cannot be read again, and the tile is then left out.</param>
    public static IReadOnlyList<EvidenceTile> Render(MapEvidence evidence, Func<TileEvidence, RgbImage?> read)
    {
        ArgumentNullException.ThrowIfNull(evidence);
        ArgumentNullException.ThrowIfNull(read);
        using JpegEncoder encoder = new(quality: 88);
        List<EvidenceTile> tiles = [];
        Add(evidence.Top, isTop: true);
        Add(evidence.Bottom, isTop: false);
        return tiles;

        void Add(IReadOnlyList<TileEvidence> ranked, bool isTop)
        {
            for (int i = 0; i < ranked.Count; i++)
            {
                if (read(ranked[i]) is { } pixels)
                {
                    string name = string.Create(
                        CultureInfo.InvariantCulture, $"{evidence.Map}_{(isTop ? "top" : "bottom")}_{i + 1}_score_{ranked[i].Score:F4}.jpg");
                    tiles.Add(new EvidenceTile(
                        name, evidence.Map, isTop, i + 1, ranked[i], pixels.Width, pixels.Height, encoder.Encode(pixels)));
                }
            }
        }
    }
}
