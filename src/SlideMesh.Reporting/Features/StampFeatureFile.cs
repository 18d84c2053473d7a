using SlideMesh.Prediction.Bags;
using SlideMesh.Reporting.Features.Hdf5;

namespace SlideMesh.Reporting.Features;

/// <summary>
/// Writes the features of a slide as STAMP (KatherLab/STAMP, c54ce06) reads them: <c>feats</c> float16 [N, D], <c>coords</c> float32 [N, 2]
/// in µm, and its root attributes. Values that float16 would round to infinity become ±65504, the largest it has; the root attribute
/// <c>clamped_values</c> says how many, and is absent when there are none.
/// </summary>
/// <remarks>
/// Refusing them was rejected: the slide's own features file holds them exactly, and one large value among thousands must not cost the
/// user this copy. An infinity becomes NaN in the first layer that subtracts a mean.
/// </remarks>
public static class StampFeatureFile
{
    private const int BlockRows = 1024;

    /// <param name="path">Temporary path; the caller renames it.</param>
    /// <param name="bag">The slide's features.</param>
    /// <param name="header">What made them.</param>
    public static void Write(string path, IFeatureBag bag, FeatureFileHeader header)
    {
        ArgumentNullException.ThrowIfNull(bag);
        ArgumentNullException.ThrowIfNull(header);
        using Hdf5File file = Hdf5File.Create(path);
        using Hdf5Id half = file.CreateFloat16Type();
        using Hdf5Id feats = file.CreateDataset("feats", half.DangerousGetHandle(), bag.Count, bag.Dimension);
        using Hdf5Id coords = file.CreateDataset("coords", Hdf5Library.Instance.Float32, bag.Count, 2);

        float[] block = new float[Math.Min(BlockRows, Math.Max(bag.Count, 1)) * bag.Dimension];
        Half[] halves = new Half[block.Length];
        long clamped = 0;
        for (int start = 0; start < bag.Count; start += BlockRows)
        {
            int rows = Math.Min(BlockRows, bag.Count - start);
            int length = rows * bag.Dimension;
            bag.Read(start, rows, block);
            for (int i = 0; i < length; i++)
            {
                halves[i] = (Half)block[i];
                if (Half.IsInfinity(halves[i]))
                {
                    halves[i] = Half.IsNegative(halves[i]) ? Half.MinValue : Half.MaxValue;
                    clamped++;
                }
            }

            file.WriteRows<Half>(feats, half.DangerousGetHandle(), start, bag.Dimension, halves.AsSpan(0, length));
        }

        float[] microns = new float[bag.Count * 2];
        ReadOnlySpan<long> corners = bag.Coordinates;
        for (int i = 0; i < bag.Count; i++)
        {
            microns[i * 2] = (float)(corners[i * 2] * header.Plan.SlideMicronsPerPixel.X);
            microns[(i * 2) + 1] = (float)(corners[(i * 2) + 1] * header.Plan.SlideMicronsPerPixel.Y);
        }

        file.WriteRows<float>(coords, Hdf5Library.Instance.Float32, 0, 2, microns);
        file.WriteAttribute(file.Root, "stamp_version", "2.3.0");
        file.WriteAttribute(file.Root, "extractor", header.Stream.Id);
        file.WriteAttribute(file.Root, "unit", "um");
        file.WriteAttribute(file.Root, "tile_size_um", header.Plan.Spec.SizePx * header.Plan.Spec.MicronsPerPixel);
        file.WriteAttribute(file.Root, "tile_size_px", (long)header.Plan.Spec.SizePx);
        file.WriteAttribute(file.Root, "code_hash", header.EncoderSha256);
        file.WriteAttribute(file.Root, "feat_type", "tile");
        if (clamped > 0)
        {
            file.WriteAttribute(file.Root, "clamped_values", clamped);
        }

        file.Flush();
    }
}
