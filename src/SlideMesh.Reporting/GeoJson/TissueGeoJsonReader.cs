using System.Buffers;
using System.Text.Json;
using SlideMesh.Slides.Pyramid;
using SlideMesh.Tissue.Contours;

namespace SlideMesh.Reporting.GeoJson;

/// <summary>
/// Reads the contours back from a <c>tissue.geojson</c> that <see cref="SlideGeoJson.WriteTissue"/> wrote. The file is read piece by
/// piece: as a document it would take several times its own length.
/// </summary>
public sealed class TissueGeoJsonReader
{
    private const int BufferBytes = 1 << 15;

    // Depths of what is looked for: { "features": [ { "geometry": { "coordinates": [ [ [x, y], …
    private const int RootDepth = 1;
    private const int FeatureDepth = 2;
    private const int FeatureMemberDepth = 3;
    private const int InnerMemberDepth = 4;
    private const int RingDepth = 5;
    private const int PointDepth = 6;
    private const int NumberDepth = 7;

    private readonly List<TissueContour> _contours = [];
    private readonly List<IReadOnlyList<Level0Point>> _rings = [];
    private readonly List<Level0Point> _points = [];
    private readonly long[] _numbers = new long[2];
    private int _count;
    private double? _area;
    private bool _hasFeatures;
    private bool _isFeatures;
    private bool _isGeometry;
    private bool _isProperties;
    private bool _isInner;
    private bool _isArea;

    private TissueGeoJsonReader()
    {
    }

    /// <returns>Contours in file order, level-0 pixels.</returns>
    /// <exception cref="JsonException">Not a tissue file of ours.</exception>
    public static IReadOnlyList<TissueContour> Read(Stream source)
    {
        ArgumentNullException.ThrowIfNull(source);
        TissueGeoJsonReader reader = new();
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            reader.ReadAll(source, buffer);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return reader._hasFeatures ? reader._contours : throw new JsonException("no list of features");
    }

    private void ReadAll(Stream source, byte[] buffer)
    {
        JsonReaderState state = default;
        int held = 0;
        for (bool isLast = false; !isLast;)
        {
            if (held == buffer.Length)
            {
                throw new JsonException($"a value of more than {buffer.Length} bytes");
            }

            int read = source.Read(buffer, held, buffer.Length - held);
            isLast = read == 0;
            Utf8JsonReader json = new(buffer.AsSpan(0, held + read), isLast, state);
            while (json.Read())
            {
                Take(ref json);
            }

            state = json.CurrentState;
            int used = (int)json.BytesConsumed;
            held = held + read - used;
            buffer.AsSpan(used, held).CopyTo(buffer);
        }
    }

    private void Take(ref Utf8JsonReader json)
    {
        int depth = json.CurrentDepth;
        switch (json.TokenType)
        {
            case JsonTokenType.PropertyName:
                TakeName(ref json, depth);
                break;
            case JsonTokenType.StartArray when depth == RootDepth && _isFeatures:
                _hasFeatures = true;
                break;
            case JsonTokenType.StartArray when depth == PointDepth && IsCoordinates:
                _count = 0;
                break;
            case JsonTokenType.Number when depth == NumberDepth && IsCoordinates:
                TakeCoordinate(ref json);
                break;
            case JsonTokenType.EndArray when depth == PointDepth && IsCoordinates:
                _points.Add(_count >= 2 ? new Level0Point(_numbers[0], _numbers[1]) : throw new JsonException("a point of fewer than two numbers"));
                break;
            case JsonTokenType.EndArray when depth == RingDepth && IsCoordinates:
                EndRing();
                break;
            case JsonTokenType.Number when depth == RingDepth && _isArea:
                _area = json.GetDouble();
                break;
            case JsonTokenType.EndObject when depth == FeatureDepth && _isFeatures:
                EndFeature();
                break;
            default:
                break;
        }
    }

    private bool IsCoordinates => _isFeatures && _isGeometry && _isInner;

    private void TakeName(ref Utf8JsonReader json, int depth)
    {
        if (depth == RootDepth)
        {
            _isFeatures = json.ValueTextEquals("features"u8);
        }
        else if (depth == FeatureMemberDepth)
        {
            _isGeometry = json.ValueTextEquals("geometry"u8);
            _isProperties = json.ValueTextEquals("properties"u8);
            _isInner = _isArea = false;
        }
        else if (depth == InnerMemberDepth)
        {
            _isInner = json.ValueTextEquals(_isGeometry ? "coordinates"u8 : "measurements"u8);
            _isArea = false;
        }
        else if (depth == RingDepth)
        {
            _isArea = _isFeatures && _isProperties && _isInner && json.ValueTextEquals("area_mm2"u8);
        }
    }

    private void TakeCoordinate(ref Utf8JsonReader json)
    {
        if (_count < 2)
        {
            _numbers[_count] = json.TryGetInt64(out long number) ? number : throw new JsonException("a coordinate that is no whole number");
        }

        _count++;
    }

    // GeoJSON repeats the first point at the end, a contour does not.
    private void EndRing()
    {
        if (_points.Count < 2)
        {
            throw new JsonException("a ring of fewer than two points");
        }

        _rings.Add([.. _points[..^1]]);
        _points.Clear();
    }

    private void EndFeature()
    {
        if (_rings.Count == 0 || _area is not { } area)
        {
            throw new JsonException("a feature without rings or area");
        }

        _contours.Add(new TissueContour(_rings[0], _rings[1..], area));
        _rings.Clear();
        _area = null;
    }
}
