using SlideMesh.Prediction.Bags;

namespace SlideMesh.Reporting.Tables;

/// <summary>Tile scores as WSInfer (06ef6b8) writes <c>model-outputs-csv/&lt;id&gt;.csv</c>: <c>minx,miny,width,height,prob_&lt;class&gt;…</c>, level-0 pixels.</summary>
public static class WsinferTable
{
    private const int BlockRows = 4096;

    /// <param name="scores">The stream of a tile classifier: [N, C] probabilities.</param>
    /// <param name="labels">C labels.</param>
    public static void Write(Stream destination, IFeatureBag scores, IReadOnlyList<string> labels)
    {
        ArgumentNullException.ThrowIfNull(scores);
        ArgumentNullException.ThrowIfNull(labels);
        ArgumentOutOfRangeException.ThrowIfNotEqual(labels.Count, scores.Dimension, nameof(labels));
        CsvTable.Write(destination, ["minx", "miny", "width", "height", .. labels.Select(l => "prob_" + l)], Rows(scores));
    }

    private static IEnumerable<IReadOnlyList<object?>> Rows(IFeatureBag scores)
    {
        float[] block = new float[BlockRows * scores.Dimension];
        (int width, int height) = scores.TileSizeLevel0;
        for (int start = 0; start < scores.Count; start += BlockRows)
        {
            int rows = Math.Min(BlockRows, scores.Count - start);
            scores.Read(start, rows, block);
            for (int i = 0; i < rows; i++)
            {
                object?[] row = new object?[4 + scores.Dimension];
                row[0] = scores.Coordinates[(start + i) * 2];
                row[1] = scores.Coordinates[((start + i) * 2) + 1];
                row[2] = width;
                row[3] = height;
                for (int c = 0; c < scores.Dimension; c++)
                {
                    row[4 + c] = block[(i * scores.Dimension) + c];
                }

                yield return row;
            }
        }
    }
}
