using System.Text.Json;
using SlideMesh.Reporting.Heatmaps;
using SlideMesh.Slides;
using SlideMesh.Slides.Pyramid;

namespace SlideMesh.Reporting.GeoJson;

/// <summary>
/// Streams a GeoJSON FeatureCollection as QuPath (e7662d8) reads it: level-0 pixels, ids that are UUIDs, <c>objectType</c> inside of
/// <c>properties</c>, every classification with a colour, NaN as a string.
/// </summary>
internal sealed class QuPathWriter : IDisposable
{
    // What is written to a stream gathers in the writer until it is flushed.
    private const int FlushBytes = 1 << 14;

    private readonly Utf8JsonWriter _json;
    private readonly SlideId _slide;
    private long _index;

    public QuPathWriter(Stream destination, SlideId slide)
    {
        _slide = slide;
        _json = new Utf8JsonWriter(destination);
        _json.WriteStartObject();
        _json.WriteString("type", "FeatureCollection");
        _json.WriteStartArray("features");
    }

    /// <param name="kind">Part of the id: the file this object is in.</param>
    /// <param name="outer">Ring; closed here.</param>
    public void Write(
        string kind,
        string objectType,
        string classification,
        Rgb colour,
        IReadOnlyList<Level0Point> outer,
        IReadOnlyList<IReadOnlyList<Level0Point>> holes,
        ReadOnlySpan<(string Name, double Value)> measurements)
    {
        _json.WriteStartObject();
        _json.WriteString("type", "Feature");
        _json.WriteString("id", FeatureUuid.For(_slide.Value, kind, _index++, outer[0].X, outer[0].Y));
        _json.WriteStartObject("geometry");
        _json.WriteString("type", "Polygon");
        _json.WriteStartArray("coordinates");
        WriteRing(outer);
        foreach (IReadOnlyList<Level0Point> hole in holes)
        {
            WriteRing(hole);
        }

        _json.WriteEndArray();
        _json.WriteEndObject();
        _json.WriteStartObject("properties");
        _json.WriteString("objectType", objectType);
        _json.WriteStartObject("classification");
        _json.WriteString("name", classification);
        _json.WriteStartArray("color");
        _json.WriteNumberValue(colour.R);
        _json.WriteNumberValue(colour.G);
        _json.WriteNumberValue(colour.B);
        _json.WriteEndArray();
        _json.WriteEndObject();
        _json.WriteStartObject("measurements");
        foreach ((string name, double value) in measurements)
        {
            if (double.IsFinite(value))
            {
                _json.WriteNumber(name, value);
            }
            else
            {
                _json.WriteString(name, "NaN");
            }
        }

        _json.WriteEndObject();
        _json.WriteEndObject();
        _json.WriteEndObject();
        FlushFull();
    }

    public void Complete()
    {
        _json.WriteEndArray();
        _json.WriteEndObject();
        _json.Flush();
    }

    public void Dispose() => _json.Dispose();

    private void WriteRing(IReadOnlyList<Level0Point> ring)
    {
        _json.WriteStartArray();
        for (int i = 0; i <= ring.Count; i++)
        {
            _json.WriteStartArray();
            _json.WriteNumberValue(ring[i % ring.Count].X);
            _json.WriteNumberValue(ring[i % ring.Count].Y);
            _json.WriteEndArray();
            FlushFull();
        }

        _json.WriteEndArray();
    }

    private void FlushFull()
    {
        if (_json.BytesPending > FlushBytes)
        {
            _json.Flush();
        }
    }
}
