using SlideMesh.Slides.Pyramid;

namespace SlideMesh.Tissue.Contours;

/// <summary>One piece of tissue: closed rings in level-0 pixels (the last point is not repeated). Area is outer minus holes, mm².</summary>
public sealed record TissueContour(
    IReadOnlyList<Level0Point> Outer, IReadOnlyList<IReadOnlyList<Level0Point>> Holes, double AreaMm2);
