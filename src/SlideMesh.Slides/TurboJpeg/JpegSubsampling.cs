namespace SlideMesh.Slides.TurboJpeg;

/// <summary>Resolution of the colour components relative to brightness. Values as TJSAMP in turbojpeg.h.</summary>
public enum JpegSubsampling
{
    /// <summary>4:4:4, full colour resolution.</summary>
    None = 0,

    /// <summary>4:2:2, halved horizontally.</summary>
    Horizontal = 1,

    /// <summary>4:2:0, halved both ways.</summary>
    Both = 2,
}
