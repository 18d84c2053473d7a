using SlideMesh.Slides.Raster;
using SlideMesh.Slides.TurboJpeg;

namespace SlideMesh.Reporting.Html;

/// <summary>An encoded picture for a page, embedded as a <c>data:</c> URI.</summary>
/// <param name="MediaType"><c>image/jpeg</c> or <c>image/png</c>.</param>
public sealed record ReportPicture(byte[] Bytes, string MediaType, int Width, int Height)
{
    public static ReportPicture Jpeg(RgbImage image, int quality = 85)
    {
        ArgumentNullException.ThrowIfNull(image);
        using JpegEncoder encoder = new(quality, JpegSubsampling.None);
        return new ReportPicture(encoder.Encode(image), "image/jpeg", image.Width, image.Height);
    }
}
