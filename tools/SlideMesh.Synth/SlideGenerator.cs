using SlideMesh.Slides.Raster;
using SlideMesh.Slides.Tiff;
using SlideMesh.Slides.TurboJpeg;
using SlideMesh.Synth.Painting;
using SlideMesh.Synth.Scenes;

namespace SlideMesh.Synth;

/// <summary>
/// Makes slides that look like H&amp;E from arm's length, with known hidden variables. Not pathology: the architectures are caricatures
/// that a small network can tell apart, made for demonstrations and tests.
/// </summary>
public static class SlideGenerator
{
    /// <summary>Writes a pyramidal BigTIFF that OpenSlide reads, and tells what is on it. Replaces <paramref name="path"/>.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static SlideTruth Write(string path, SlideParameters parameters)
    {
        using FileStream stream = new(path, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20);
        return Write(stream, parameters);
    }

    /// <inheritdoc cref="Write(string, SlideParameters)"/>
    public static SlideTruth Write(Stream stream, SlideParameters parameters)
    {
        Scene scene = BuildScene(parameters);
        PyramidalTiffWriter.Write(stream, parameters.WidthPx, parameters.HeightPx, new TilePainter(scene).Render, Options(parameters));
        return SlideTruth.Of(scene);
    }

    /// <summary>Level 0 alone, in memory.</summary>
    public static RgbImage Render(SlideParameters parameters)
    {
        Scene scene = BuildScene(parameters);
        RgbImage image = new(parameters.WidthPx, parameters.HeightPx);
        TilePainter painter = new(scene);
        const int Band = 64;
        Parallel.For(
            0,
            (parameters.HeightPx + Band - 1) / Band,
            new ParallelOptions { MaxDegreeOfParallelism = parameters.Threads == 0 ? Environment.ProcessorCount : parameters.Threads },
            band =>
            {
                int height = Math.Min(Band, parameters.HeightPx - (band * Band));
                painter.Render(0, band * Band, parameters.WidthPx, height, image.Pixels.AsSpan(band * Band * parameters.WidthPx * 3, height * parameters.WidthPx * 3));
            });
        return image;
    }

    /// <summary>What a slide shows, without painting it (some 100 ms for 4096 pixels).</summary>
    public static SlideTruth Describe(SlideParameters parameters) => SlideTruth.Of(BuildScene(parameters));

    /// <summary>How the generator lays out its files.</summary>
    public static PyramidalTiffOptions Options(SlideParameters parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        return new()
        {
            JpegQuality = parameters.JpegQuality,
            Subsampling = JpegSubsampling.Both,
            MicronsPerPixel = parameters.WriteMicronsPerPixel ? parameters.MicronsPerPixel : null,
            Threads = parameters.Threads,
            Software = "slidemesh-synth",
        };
    }

    private static Scene BuildScene(SlideParameters parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        parameters.Validate();
        return SceneBuilder.Build(parameters);
    }
}
