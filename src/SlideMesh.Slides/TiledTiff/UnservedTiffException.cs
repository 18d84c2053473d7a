namespace SlideMesh.Slides.TiledTiff;

/// <summary>The file is none that <see cref="TiledTiffSource"/> reads; OpenSlide then serves it. Never leaves this folder.</summary>
internal sealed class UnservedTiffException(string reason) : Exception(reason);
