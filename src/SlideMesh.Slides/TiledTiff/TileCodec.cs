namespace SlideMesh.Slides.TiledTiff;

/// <summary>How the tiles of a level are compressed.</summary>
internal enum TileCodec
{
    /// <summary>TIFF 6.0, technical note 2 (compression 7).</summary>
    Jpeg,

    /// <summary>Aperio's 33003: a codestream of brightness and colour differences.</summary>
    Jpeg2000YCbCr,

    /// <summary>Aperio's 33005: a codestream of red, green and blue.</summary>
    Jpeg2000Rgb,
}
