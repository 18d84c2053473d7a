namespace SlideMesh.Slides.Pyramid;

/// <summary>One resolution of a slide. <paramref name="Downsample"/> is level-0 pixels per pixel of this level (1 for level 0).</summary>
public sealed record PyramidLevel(int Index, long Width, long Height, double Downsample);

/// <summary>A point in level-0 pixels.</summary>
public readonly record struct Level0Point(long X, long Y);

/// <summary>A rectangle in level-0 pixels, top-left inclusive.</summary>
public readonly record struct Level0Rect(long X, long Y, long Width, long Height);
