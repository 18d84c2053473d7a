using System.Text.Json;
using SlideMesh.Prediction;
using SlideMesh.Reporting.GeoJson;
using SlideMesh.Slides;
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

    private static JsonElement[] Features(Action<Stream> write)
    {
        using MemoryStream stream = new();
        write(stream);
        JsonElement root = JsonDocument.Parse(stream.ToArray()).RootElement;
        Assert.Equal("FeatureCollection", root.GetProperty("type").GetString());
        return [.. root.GetProperty("features").EnumerateArray()];
    }
}
