namespace SlideMesh.Slides.TiledTiff;

/// <summary>Tags that are looked at, by their names in TIFF 6.0; <c>ImageDepth</c> is SGI's.</summary>
internal enum TiffTag : ushort
{
    NewSubfileType = 254,
    SubfileType = 255,
    ImageWidth = 256,
    ImageLength = 257,
    BitsPerSample = 258,
    Compression = 259,
    PhotometricInterpretation = 262,
    FillOrder = 266,
    ImageDescription = 270,
    Orientation = 274,
    SamplesPerPixel = 277,
    PlanarConfiguration = 284,
    TileWidth = 322,
    TileLength = 323,
    TileOffsets = 324,
    TileByteCounts = 325,
    SubIfds = 330,
    ExtraSamples = 338,
    SampleFormat = 339,
    JpegTables = 347,
    ImageDepth = 32997,
}
