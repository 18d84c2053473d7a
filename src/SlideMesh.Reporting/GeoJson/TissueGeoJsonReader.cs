using System.Text.Json;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Tissue.Contours;

namespace SlideMesh.Reporting.GeoJson;

/// <summary>Reads the contours back from a <c>tissue.geojson</c> that <see cref="SlideGeoJson.WriteTissue"/> wrote.</summary>
public static class TissueGeoJsonReader
{
    /// <returns>Contours in file order, level-0 pixels.</returns>
    /// <exception cref="JsonException">Not a tissue file of ours.</exception>
    public static IReadOnlyList<TissueContour> Read(Stream source)
    {
        using JsonDocument document = JsonDocument.Parse(source);
        List<TissueContour> contours = [];
        foreach (JsonElement feature in document.RootElement.GetProperty("features").EnumerateArray())
        {
            JsonElement rings = feature.GetProperty("geometry").GetProperty("coordinates");
            double area = feature.GetProperty("properties").GetProperty("measurements").GetProperty("area_mm2").GetDouble();
            List<IReadOnlyList<Level0Point>> all = [.. rings.EnumerateArray().Select(Ring)];
            contours.Add(new TissueContour(all[0], all[1..], area));
        }

        return contours;
    }

    // GeoJSON repeats the first point at the end, a contour does not.
    private static List<Level0Point> Ring(JsonElement ring)
    {
        List<Level0Point> points = [.. ring.EnumerateArray().Select(p => new Level0Point(p[0].GetInt64(), p[1].GetInt64()))];
        points.RemoveAt(points.Count - 1);
        return points;
    }
}
