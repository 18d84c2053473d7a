using System.Text.Json;
using SlideMesh.Prediction;
using SlideMesh.Reporting.GeoJson;
using SlideMesh.Slides;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Tissue.Contours;
using SlideMesh.Tissue.Quality;

namespace SlideMesh.Reporting.Tests;

public sealed class GeoJsonTests
{
    private static readonly SlideId Slide = new("slide");

    [Fact]
    public void Tissue_is_annotations_with_closed_rings_and_holes()
    {
        JsonElement[] features = Features(s => SlideGeoJson.WriteTissue(s, Slide, MadeUp.Tissue()));
        Assert.Equal(2, features.Length);
        JsonElement rings = features[0].GetProperty("geometry").GetProperty("coordinates");
        Assert.Equal("Polygon", features[0].GetProperty("geometry").GetProperty("type").GetString());
        Assert.Equal(2, rings.GetArrayLength());
        Assert.Equal(91, rings[0].GetArrayLength());
        Assert.Equal(rings[0][0].Numbers<long>(), rings[0][90].Numbers<long>());
        Assert.Equal("annotation", features[0].GetProperty("properties").GetProperty("objectType").GetString());
        Assert.Equal(20.9, features[0].GetProperty("properties").GetProperty("measurements").GetProperty("area_mm2").GetDouble());
    }

    [Fact]
    public void Every_object_follows_QuPaths_rules()
    {
        JsonElement[] features =
        [
            .. Features(s => SlideGeoJson.WriteTissue(s, Slide, MadeUp.Tissue())),
            .. Features(s => SlideGeoJson.WriteHeatmap(s, Slide, MadeUp.Attention, MadeUp.Bag())),
            .. Features(s => SlideGeoJson.WriteHeatmap(s, Slide, MadeUp.Probability, MadeUp.Bag())),
        ];
        HashSet<Guid> ids = [];
        foreach (JsonElement feature in features)
        {
            Guid id = feature.GetProperty("id").GetGuid();
            Assert.True(ids.Add(id));
            Assert.Equal(8, id.Version);
            JsonElement properties = feature.GetProperty("properties");
            Assert.False(feature.TryGetProperty("objectType", out _));
            Assert.Contains(properties.GetProperty("objectType").GetString(), (string[])["annotation", "tile"]);
            Assert.NotEmpty(properties.GetProperty("classification").GetProperty("name").GetString()!);
            Assert.Equal(3, properties.GetProperty("classification").GetProperty("color").Numbers<int>().Length);
            Assert.All(properties.GetProperty("measurements").EnumerateObject(), m => Assert.Equal(JsonValueKind.Number, m.Value.ValueKind));
        }
    }

    [Fact]
    public void Heatmap_tiles_carry_raw_scores_and_percentiles()
    {
        ArrayBag bag = new([], [0, 0, 512, 0], 1);
        JsonElement[] features = Features(s => SlideGeoJson.WriteHeatmap(
            s, Slide, new TileMap("grade-attention", "grade", "m", "s", "attention", [-2, float.NaN], null, null), bag));
        JsonElement first = features[0].GetProperty("properties").GetProperty("measurements");
        Assert.Equal(-2, first.GetProperty("attention").GetDouble());
        Assert.Equal(100, first.GetProperty("percentile").GetDouble());
        Assert.Equal("NaN", features[1].GetProperty("properties").GetProperty("measurements").GetProperty("attention").GetString());
        Assert.Equal([512, 0], features[1].GetProperty("geometry").GetProperty("coordinates")[0][0].Numbers<long>());
    }

    [Fact]
    public void Quality_names_a_flagged_tile_once_by_its_worst_finding()
    {
        ArrayBag bag = new([], [0, 0, 512, 0, 1024, 0, 1536, 0], 1);
        TileQuality[] quality = [new(0.1f, 0.9f, 3), new(0.99f, 0, 3), new(0.2f, 0, 3), new(0.2f, 0, 300)];
        JsonElement[] features = Features(s => SlideGeoJson.WriteQuality(s, Slide, bag, quality, new QualityThresholds()));
        Assert.Equal(
            ["Pen", "Background", "Blurred"],
            features.Select(f => f.GetProperty("properties").GetProperty("classification").GetProperty("name").GetString()));
    }

    [Fact]
    public void Same_map_makes_the_same_bytes_and_another_slide_other_ids()
    {
        byte[] Bytes(string slide)
        {
            using MemoryStream stream = new();
            SlideGeoJson.WriteHeatmap(stream, new SlideId(slide), MadeUp.Attention, MadeUp.Bag());
            return stream.ToArray();
        }

        Assert.Equal(Bytes("a"), Bytes("a"));
        Assert.NotEqual(Bytes("a"), Bytes("b"));
    }

    [Fact]
    public void Tissue_reads_back_as_it_was_written_whatever_the_pieces_it_comes_in()
    {
        // Rings of 30,000 points: far longer than what is read at a time.
        Level0Point[] ring = [.. Enumerable.Range(0, 30_000).Select(i => new Level0Point(i * 37L, i * i % 1_000_003L))];
        TissueContour[] contours = [.. MadeUp.Tissue().Contours, new TissueContour(ring, [ring[..5], ring[3..900]], 1234.5678)];
        using MemoryStream stream = new();
        SlideGeoJson.WriteTissue(stream, Slide, MadeUp.Tissue() with { Contours = contours });

        foreach (int most in (int[])[int.MaxValue, 4099])
        {
            IReadOnlyList<TissueContour> read = TissueGeoJsonReader.Read(new PiecewiseStream(stream.ToArray(), most));
            Assert.Equal(contours.Length, read.Count);
            for (int i = 0; i < contours.Length; i++)
            {
                Assert.Equal(contours[i].AreaMm2, read[i].AreaMm2);
                Assert.Equal(contours[i].Outer, read[i].Outer);
                Assert.Equal(contours[i].Holes.Select(h => h.ToArray()), read[i].Holes.Select(h => h.ToArray()));
            }
        }
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("{\"features\":[")]
    [InlineData("{\"features\":[{}]}")]
    [InlineData("{\"features\":[{\"geometry\":{\"coordinates\":[[[1,2],[1,2]]]},\"properties\":{\"measurements\":{}}}]}")]
    [InlineData("{\"features\":[{\"geometry\":{\"coordinates\":[[[1,2.5],[1,2]]]},\"properties\":{\"measurements\":{\"area_mm2\":1}}}]}")]
    [InlineData("{\"features\":[{\"geometry\":{\"coordinates\":[[[1],[1,2]]]},\"properties\":{\"measurements\":{\"area_mm2\":1}}}]}")]
    [InlineData("{\"features\":[{\"geometry\":{\"coordinates\":[[]]},\"properties\":{\"measurements\":{\"area_mm2\":1}}}]}")]
    public void File_that_is_no_tissue_of_ours_is_refused(string json) =>
        Assert.ThrowsAny<JsonException>(() => TissueGeoJsonReader.Read(new MemoryStream(System.Text.Encoding.UTF8.GetBytes(json))));

    [Fact]
    public void Tissue_of_a_slide_without_any_is_an_empty_list() =>
        Assert.Empty(TissueGeoJsonReader.Read(new MemoryStream("{\"type\":\"FeatureCollection\",\"features\":[]}"u8.ToArray())));

    private sealed class PiecewiseStream(byte[] bytes, int most) : MemoryStream(bytes)
    {
        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(most, count));
    }

    private static JsonElement[] Features(Action<Stream> write)
    {
        using MemoryStream stream = new();
        write(stream);
        JsonElement root = JsonDocument.Parse(stream.ToArray()).RootElement;
        Assert.Equal("FeatureCollection", root.GetProperty("type").GetString());
        return [.. root.GetProperty("features").EnumerateArray()];
    }
}
