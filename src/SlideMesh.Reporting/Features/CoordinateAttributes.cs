using SlideMesh.Reporting.Features.Hdf5;

namespace SlideMesh.Reporting.Features;

/// <summary>What CLAM and TRIDENT look for on a dataset <c>coords</c>, both sets at once; see <see cref="FeatureFileWriter"/>.</summary>
internal static class CoordinateAttributes
{
    public static void Write(Hdf5File file, Hdf5Id coords, FeatureFileHeader header)
    {
        Tiling.TilePlan plan = header.Plan;
        double magnification = header.Level0Magnification;
        double downsample = plan.ReadLevel.Downsample;
        ReadOnlySpan<long> levelSize = [plan.ReadLevel.Width, plan.ReadLevel.Height];

        file.WriteAttribute(coords, "patch_size", (long)plan.ReadWidthPx);
        file.WriteAttribute(coords, "patch_level", (long)plan.ReadLevel.Index);
        file.WriteAttribute(coords, "downsample", [downsample, downsample]);
        file.WriteAttribute(coords, "downsampled_level_dim", levelSize);
        file.WriteAttribute(coords, "level_dim", levelSize);
        file.WriteAttribute(coords, "name", header.Slide.Value);
        file.WriteAttribute(coords, "save_path", ".");
        file.WriteAttribute(coords, "patch_size_level0", (long)plan.SizeLevel0Width);
        WriteMagnification("level0_magnification", magnification);
        WriteMagnification("target_magnification", magnification / downsample);
        long overlap = (long)Math.Round(plan.Spec.OverlapPx * (double)plan.ReadWidthPx / plan.Spec.SizePx, MidpointRounding.AwayFromZero);
        file.WriteAttribute(coords, "overlap", overlap);
        file.WriteAttribute(coords, "savetodir", ".");
        file.WriteAttribute(coords, "level0_width", plan.SlideWidth);
        file.WriteAttribute(coords, "level0_height", plan.SlideHeight);

        // TRIDENT writes whole magnifications as integers.
        void WriteMagnification(string name, double value)
        {
            if (value == Math.Round(value))
            {
                file.WriteAttribute(coords, name, (long)value);
            }
            else
            {
                file.WriteAttribute(coords, name, value);
            }
        }
    }
}
