namespace SlideMesh.Slides.Pyramid;

/// <summary>Where a slide's microns per pixel came from, strongest first.</summary>
public enum MicronsPerPixelSource
{
    Manifest,
    VendorProperty,
    TiffResolution,
    DefaultOption,
}

/// <summary>Size of a level-0 pixel in µm, and who says so.</summary>
public sealed record MicronsPerPixel(double X, double Y, MicronsPerPixelSource Source)
{
    /// <summary>Mean of both axes, µm per level-0 pixel.</summary>
    public double Mean => (X + Y) / 2;
}
